import { afterEach, expect, test, vi } from "vitest";

import { onHidden } from "../../src/dom/visibility";

afterEach(() => vi.restoreAllMocks());

test("tells that the page is hidden or left, until that is called off", () => {
  const act = vi.fn();
  const visibility = vi.spyOn(document, "visibilityState", "get");
  const turns = (state: DocumentVisibilityState) => {
    visibility.mockReturnValue(state);
    document.dispatchEvent(new Event("visibilitychange"));
  };
  const end = onHidden(act);
  turns("hidden");
  expect(act).toHaveBeenCalledTimes(1);
  turns("visible");
  expect(act).toHaveBeenCalledTimes(1);
  window.dispatchEvent(new Event("pagehide"));
  expect(act).toHaveBeenCalledTimes(2);
  end();
  end();
  turns("hidden");
  window.dispatchEvent(new Event("pagehide"));
  expect(act).toHaveBeenCalledTimes(2);
});
