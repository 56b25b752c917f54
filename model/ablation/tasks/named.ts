import { show } from "../../json.ts";
import { associativeRecall, copy, dyck, induction, modularAddition, reverse, sort } from "./mod.ts";
import type { Task } from "./task.ts";

type Make = (options: Readonly<Record<string, number>>) => Task;

const makers: Readonly<Record<string, Make>> = {
  "copy": copy,
  "reverse": reverse,
  "sort": sort,
  "associative recall": associativeRecall,
  "induction": induction,
  "modular addition": modularAddition,
  "dyck": dyck,
};

/** Names of all tasks. */
export const taskNames: readonly string[] = Object.keys(makers);

/** A task by its name. Throws a `TypeError` for a name or option that there is not, a `RangeError` for a wrong value. */
export function taskNamed(name: string, options: Readonly<Record<string, number>> = {}): Task {
  if (Object.hasOwn(makers, name)) return makers[name](options);
  const known = taskNames.map((n) => JSON.stringify(n)).join(", ");
  throw new TypeError(`Cannot make the task ${show(name)}: there is none, expected ${known}`);
}
