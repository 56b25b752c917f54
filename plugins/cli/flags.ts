import { parseArgs } from "./std.ts";

/** What was asked for cannot be done because of how it was asked: exit code 2. */
export class UsageError extends Error {
  /** For telling it apart. */
  override readonly name = "UsageError";
}

/** One flag of a command. */
export interface Flag<T> {
  /** What stands for its value in the help; absent for a switch. */
  readonly value?: string;
  /** One line of help. */
  readonly help: string;
  /** May be given more than once. */
  readonly repeated?: boolean;
  /** Checks and converts a given text. Throws a string: what was expected. */
  parse(text: string): T;
}

/** The values of flags; `undefined` where one was not given. */
export type Values<F> = {
  readonly [K in keyof F]: F[K] extends Flag<infer T>
    ? F[K] extends { repeated: true } ? readonly T[] : F[K] extends { value: string } ? T | undefined : boolean
    : never;
};

/** A switch: given or not. */
export function toggle(help: string): Flag<boolean> {
  return { help, parse: () => true };
}

/** A text. */
export function text(value: string, help: string): Flag<string> & { value: string } {
  return { value, help, parse: (t) => t };
}

/** A text that may be given more than once. */
export function texts(value: string, help: string): Flag<string> & { value: string; repeated: true } {
  return { ...text(value, help), repeated: true };
}

/** One of a few words. */
export function word<const T extends string>(words: readonly T[], help: string): Flag<T> & { value: string } {
  return {
    value: words.join("|"),
    help,
    parse(t) {
      if (words.includes(t as T)) return t as T;
      throw words.join(" or ");
    },
  };
}

/** What an {@linkcode amount} may be. */
export interface Range {
  /** Smallest value allowed. */
  readonly min?: number;
  /** Values must be larger than this. */
  readonly above?: number;
  /** Largest value allowed. */
  readonly max?: number;
  /** Not only whole numbers. */
  readonly real?: boolean;
}

/** A number within bounds; whole unless `real`. */
export function amount(
  value: string,
  help: string,
  { min = -Infinity, above = -Infinity, max = Infinity, real = false }: Range = {},
): Flag<number> & { value: string } {
  return {
    value,
    help,
    parse(t) {
      const n = t.trim() === "" ? NaN : Number(t);
      if (Number.isFinite(n) && n >= min && n > above && n <= max && (real || Number.isSafeInteger(n))) return n;
      const bounds = [
        ...(min > -Infinity ? [`from ${min}`] : []),
        ...(above > -Infinity ? [`above ${above}`] : []),
        ...(max < Infinity ? [`up to ${max}`] : []),
      ];
      throw [real ? "a number" : "a whole number", ...bounds].join(" ");
    },
  };
}

/** The fields that are not `undefined`. */
export function defined<T extends object>(fields: T): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as ReturnType<typeof defined<T>>;
}

/** Parses a command line. Throws a {@linkcode UsageError} that names the flag, its value and what is allowed. */
export function parseFlags<const F extends Readonly<Record<string, Flag<unknown>>>>(
  args: readonly string[],
  flags: F,
): Values<F> {
  const names = Object.keys(flags);
  const parsed = parseArgs(joinValues(args, flags), {
    string: names.filter((n) => flags[n].value !== undefined),
    boolean: names.filter((n) => flags[n].value === undefined),
    collect: names.filter((n) => flags[n].value !== undefined),
    unknown(argument) {
      const flag = /^-/.test(argument);
      throw new UsageError(
        flag
          ? `unknown flag ${argument}${similar(argument, names)}, expected ${names.map((n) => `--${n}`).join(" ")}`
          : `unexpected argument ${JSON.stringify(argument)}: values belong behind a flag`,
      );
    },
  });
  const values = names.map((name) => {
    const flag = flags[name], given = parsed[name];
    if (flag.value === undefined) return [name, given === true];
    const list = (given as string[]).map((t) => {
      try {
        if (t === "" && name !== "prompt") throw flag.value;
        return flag.parse(t);
      } catch (expected) {
        throw new UsageError(`--${name} is ${JSON.stringify(t)}, expected ${expected}`);
      }
    });
    if (!flag.repeated && list.length > 1) {
      throw new UsageError(`--${name} is given ${list.length} times, expected once`);
    }
    return [name, flag.repeated ? list : list[0]];
  });
  return Object.fromEntries(values) as Values<F>;
}

/** `--flag value` as `--flag=value`, so that a value may begin with a dash; but not another flag. */
function joinValues(args: readonly string[], flags: Readonly<Record<string, Flag<unknown>>>): string[] {
  const isFlag = (text: string) => text.startsWith("--") && Object.hasOwn(flags, text.slice(2).split("=")[0]);
  const joined: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const flag = isFlag(args[i]) && !args[i].includes("=") ? flags[args[i].slice(2)] : undefined, next = args[i + 1];
    if (flag?.value === undefined) joined.push(args[i]);
    else joined.push(`${args[i]}=${next === undefined || isFlag(next) ? "" : args[++i]}`);
  }
  return joined;
}

/** Help for every flag, one line each. */
export function flagHelp(flags: Readonly<Record<string, Flag<unknown>>>): string {
  const rows = Object.entries(flags).map(([name, { value, help }]) => [`--${name}${value ? ` ${value}` : ""}`, help]);
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}

/** ` (did you mean --top-k?)`, or nothing. */
function similar(argument: string, names: readonly string[]): string {
  const given = argument.replace(/^-+/, "").split("=")[0];
  const close = names.find((n) => n.startsWith(given) || given.startsWith(n) || distance(n, given) <= 2);
  return close ? ` (did you mean --${close}?)` : "";
}

/** Least number of insertions, deletions and replacements between two words. Levenshtein 1966. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
  }
  return row[b.length];
}
