/** Packs files into one archive: tar, as POSIX has it, long names in GNU's way (tar(5)). Pure. */

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
/** What a name must have in front of it that does not fit. */
const LONG_NAME = "././@LongLink";

export interface Packed {
  path: string;
  file: Blob;
}

/** The archive; the files are read when it is. */
export function tarOf(files: Packed[]): Blob {
  const parts: BlobPart[] = [];
  const put = (name: string, type: string, content: Blob) => {
    parts.push(header(name, type, content.size), content, padding(content.size));
  };
  for (const { path, file } of files) {
    const bytes = new TextEncoder().encode(path).length;
    if (bytes > NAME_BYTES) put(LONG_NAME, "L", new Blob([path]));
    put(path, "0", file);
  }
  parts.push(new Uint8Array(2 * BLOCK_BYTES));
  return new Blob(parts);
}

function padding(bytes: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

function header(name: string, type: string, size: number): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK_BYTES);
  const put = (at: number, text: string, most: number) =>
    block.set(new TextEncoder().encode(text).subarray(0, most), at);
  const octal = (n: number, digits: number) => n.toString(8).padStart(digits, "0");
  put(0, name, NAME_BYTES);
  put(100, octal(0o644, 7), 8);
  put(124, octal(size, 11), 12);
  put(136, octal(0, 11), 12);
  // The sum is over itself as blanks.
  put(148, " ".repeat(8), 8);
  put(156, type, 1);
  put(257, "ustar\u000000", 8);
  const sum = block.reduce((all, byte) => all + byte, 0);
  put(148, `${octal(sum, 6)}\u0000 `, 8);
  return block;
}
