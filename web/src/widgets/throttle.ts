/** The function of lodash that figures need, in the place of all of it: vite.frame.config.ts puts it there. */

/**
 * A function that calls `act` at once, but not within so many milliseconds after its last call; of the events
 * meanwhile, `act` gets the last one then.
 */
export function throttle<T>(act: (event: T) => void, milliseconds: number): (event: T) => void {
  let state: "idle" | "resting" = "idle";
  const waiting: T[] = [];
  const begin = (event: T) => {
    state = "resting";
    setTimeout(() => {
      const last = waiting.pop();
      if (last === undefined) state = "idle";
      else begin(last);
    }, milliseconds);
    act(event);
  };
  return (event) => {
    if (state === "idle") begin(event);
    else waiting[0] = event;
  };
}
