import { builtins } from "../../components/builtins.ts";
import type { Component, Slots } from "../../components/component.ts";
import { resolveComponent, type ResolvedOptions } from "../../model/config.ts";
import { UsageError } from "./flags.ts";

/** What a flag chooses for a slot: a name, or JSON with a name and options. Every default is filled in. */
export function choose(
  flag: string,
  slot: keyof Slots,
  given: string,
  components: readonly Component[],
): ResolvedOptions {
  let choice: unknown = given;
  try {
    if (given.startsWith("{")) choice = JSON.parse(given);
    return resolveComponent([...builtins, ...components], slot, choice, slot).config;
  } catch (error) {
    throw new UsageError(`--${flag} is ${JSON.stringify(given)}: ${(error as Error).message}`);
  }
}
