import { formatBytes } from "../../runtime/memory.ts";
import type { Source } from "../../model/source.ts";
import { downloadModel, isAddress, openRemote } from "../hub/mod.ts";
import { statusLine } from "./terminal.ts";

/** Characters of a bar. */
const WIDTH = 24;

/**
 * A model on the hub, downloaded unless it is there: the path of its files. A bar on standard error shows how far it is. A
 * file at another address is read where it lies.
 */
export async function downloaded(model: string, offline: boolean): Promise<string | Source> {
  if (isAddress(model)) return await openRemote(model);
  const status = statusLine(), before = performance.now();
  let first: number | undefined;
  try {
    return await downloadModel(model, {
      offline,
      onProgress(done, total, file) {
        first ??= done;
        const rate = (done - first) / Math.max(1, performance.now() - before) * 1000;
        status.show(`${bar(done / total)} of ${formatBytes(total)}, ${formatBytes(Math.round(rate))}/s ${file}`);
      },
    });
  } finally {
    status.clear();
  }
}

/** `[######..................]  25 %` */
export function bar(part: number): string {
  const full = Math.floor(part * WIDTH);
  return `[${"#".repeat(full)}${".".repeat(WIDTH - full)}] ${String(Math.floor(100 * part)).padStart(3)} %`;
}
