import type { Component } from "../../components/component.ts";
import { integer, type Json, number } from "../../components/options.ts";
import type { ResolvedOptions } from "../config.ts";
import { show } from "../json.ts";
import {
  component,
  either,
  type Form,
  isObject,
  listOf,
  objectOf,
  plain,
  quoted,
  type Schema,
  type Way,
  way,
  within,
  words,
  wrong,
} from "./forms.ts";
import type { TaskData, TextData } from "./study.ts";
import { type Task, tasks } from "./tasks/mod.ts";

const QUESTIONS = 1024;
/** Every task by its name, and by its name in one word: `associative recall`, `associativeRecall`. */
const makers: ReadonlyMap<string, (options: Readonly<Record<string, number>>) => Task> = new Map(
  tasks.flatMap((make) => namesOf(make().name).map((name) => [name, make])),
);
const allNames = tasks.map((make) => make().name);

/** What a study learns from where it does not say: it needs no file. */
export const defaultData: TaskData = taskData({ task: "associative recall" });

/** Whether a text where data is expected is a task and no path. */
export function isTaskName(text: string): boolean {
  return makers.has(text);
}

/** The task that data stands for. Throws for options that it does not have or allow. */
export function makeTask({ task, options }: Pick<TaskData, "task" | "options">): Task {
  const make = makers.get(task);
  if (!make) throw new TypeError(`Cannot make the task ${show(task)}: there is none, expected ${quoted(allNames)}`);
  return make(options);
}

/**
 * Data: a path, a list of them, the name of a task, or an object. A text that is exactly the name of a task is that task; a
 * file of that name is `./copy`.
 */
export function dataForm(known: readonly Component[]): Form<TextData | TaskData> {
  const path = words("A UTF-8 file, or a folder of .txt and .md files.", "a path that is not empty");
  const paths = listOf(path, "UTF-8 files and folders of them.");
  const files = either("Text to learn from.", "a path or a list of paths", [
    way((value) => typeof value === "string", path, (path) => [path]),
    { takes: Array.isArray, ...paths },
  ]);
  const text = objectOf<{ files: string[]; tokenizer: ResolvedOptions | null; validation: number | null }>(
    {
      files,
      tokenizer: orNull(component(known, "tokenizer", "Trained on all of the text."), "by the size of the data"),
      validation: orNull(
        plain(number(0.1, { above: 0, max: 0.9 }), "Share that is held back."),
        "a tenth, less of much text",
      ),
    },
    "Text to learn from.",
    ["files"],
  );
  const fromFiles = (files: readonly string[]): TextData => ({ files, tokenizer: null, validation: null });
  const expected = `a path, a list of paths, the name of a task (${
    quoted(allNames)
  }) or an object with "files" or "task"`;
  return either<TextData | TaskData>("What is learned from. Default: associative recall, a task.", expected, [
    way((value) => typeof value === "string" && !isTaskName(value), path, (path) => fromFiles([path])),
    way(Array.isArray, paths, fromFiles),
    way((value) => isObject(value) && !("task" in value), text, (given) => ({ ...fromFiles([]), ...given })),
    ...taskWays(),
  ]);
}

function taskWays(): Way<TaskData>[] {
  const name = words("A task's name.", `the name of a task: ${quoted(allNames)}`);
  const options: Form<Record<string, number>> = {
    schema: {},
    read(value, at) {
      if (isObject(value)) return value as Record<string, number>;
      throw wrong(at, `is ${show(value)}`, "an object");
    },
  };
  const fields = {
    task: name,
    options,
    questions: plain(integer(QUESTIONS, { min: 1, max: 2 ** 20 }), "Questions of an evaluation."),
  };
  const object = objectOf<{ task: string; options: Record<string, number>; questions: number }>(
    fields,
    "A synthetic task to learn.",
    ["task"],
  );
  return [
    way(
      (value) => typeof value === "string",
      { ...name, schema: { enum: [...makers.keys()] } },
      (task) => taskData({ task }),
    ),
    {
      takes: isObject,
      schema: { anyOf: tasks.map((make) => taskSchema(object.schema, make())) },
      read(value, at) {
        const given = object.read(value, at) as Pick<TaskData, "task"> & Partial<TaskData>;
        if (!makers.has(given.task)) {
          throw wrong({ ...at, path: `${at.path}.task` }, `is ${show(given.task)}`, quoted(allNames));
        }
        return within({ ...at, path: `${at.path}.options` }, /^Cannot make the task "[^"]*": /, () => taskData(given));
      },
    },
  ];
}

/** The schema of a task's object, with its own options. */
function taskSchema(object: Schema, { name, description, options }: Task): Schema {
  const { task, questions } = object.properties as { readonly [key: string]: Schema };
  const properties = Object.entries(options).map(([key, value]) => [key, { type: "number", default: value }]);
  return {
    ...object,
    description,
    properties: {
      task: { description: task.description, enum: namesOf(name) },
      options: { type: "object", properties: Object.fromEntries(properties) as Schema, additionalProperties: false },
      questions,
    },
  };
}

function namesOf(name: string): string[] {
  return [...new Set([name, name.replace(/ (\w)/g, (_, letter: string) => letter.toUpperCase())])];
}

/** Every option of the task filled in. */
function taskData(given: Pick<TaskData, "task"> & Partial<TaskData>): TaskData {
  const { name, options } = makeTask({ options: {}, ...given });
  return { task: name, options, questions: given.questions ?? QUESTIONS };
}

export function orNull<T>(form: Form<T>, meaning: string): Form<T | null> {
  return {
    schema: {
      description: `${form.schema.description} Default: null, which is ${meaning}.`,
      anyOf: [without(form.schema), { type: "null" }],
      default: null,
    },
    read: (value, at) => value === null ? null : form.read(value, at),
  };
}

function without({ description: _, default: __, ...schema }: { readonly [key: string]: Json }): Schema {
  return schema;
}
