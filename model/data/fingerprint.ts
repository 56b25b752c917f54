import { hex } from "../sha256.ts";

/** Bytes that are hashed at a time. */
const PIECE = 4 << 20;

/** SHA-256 of the contents of files, in pieces: of each piece after what came before it. */
export async function fingerprint(files: readonly string[]): Promise<string> {
  let sum = new Uint8Array(32);
  const buffer = new Uint8Array(32 + PIECE);
  for (const path of files) {
    using file = Deno.openSync(path);
    for (let count: number | null = 1; count !== null;) {
      let held = 0;
      while (held < PIECE && (count = file.readSync(buffer.subarray(32 + held)))) held += count;
      buffer.set(sum); // a file that ends adds a piece that is not full
      sum = new Uint8Array(await crypto.subtle.digest("SHA-256", buffer.subarray(0, 32 + held)));
    }
  }
  return hex(sum);
}
