import { type Additions, importAdditions } from "../../model/additions.ts";
import { UsageError } from "./flags.ts";

/** What `--use` modules add. */
export type Used = Additions;

/** Imports the modules that `--use` names. */
export async function importUsed(specifiers: readonly string[]): Promise<Used> {
  try {
    return await importAdditions(specifiers);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError(error.message.replace(/^Cannot use (.*?): it /, "--use $1 "), { cause: error });
  }
}
