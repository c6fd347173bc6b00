/** Whether the reader sees the page. */

/** Calls `act` each time that the page is hidden or left; the result ends that. */
export function onHidden(act: () => void): () => void {
  const changed = () => {
    if (document.visibilityState === "hidden") act();
  };
  // A phone may drop a hidden page without any other event.
  document.addEventListener("visibilitychange", changed);
  window.addEventListener("pagehide", act);
  return () => {
    document.removeEventListener("visibilitychange", changed);
    window.removeEventListener("pagehide", act);
  };
}
