/**
 * Requests the modules that the server's page needs after its first button. This script is small: when
 * it arrives, what the button needs is on its way, and what is requested now comes right after it.
 * The build makes a classic script of it, which runs as soon as it arrives.
 */

for (const link of document.querySelectorAll<HTMLLinkElement>("link[data-next]")) {
  link.rel = "modulepreload";
}

export {};
