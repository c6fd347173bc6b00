/** Files that the page itself makes. */

/** Offers `parts` as a file, as a click on a link to it would; `type` is its MIME type. */
export function download(parts: BlobPart[], name: string, type: string): void {
  const address = URL.createObjectURL(new Blob(parts, { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser needs the address until it has handled the click.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
