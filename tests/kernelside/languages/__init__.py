"""Tests of the languages beside Python."""
