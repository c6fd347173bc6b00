"""What every route needs: requests, parameters, who asks, errors, and bodies of answers."""
