import { inflateRawSync } from "node:zlib";
import { assert, assertEquals } from "./assert.ts";

const root = new URL("../", import.meta.url);

/** Folders that a folder may import from, beside itself: five layers, arrows one way. */
const layers: Readonly<Record<string, readonly string[]>> = {
  kernels: [],
  runtime: ["kernels"],
  components: ["runtime"],
  model: ["components", "runtime"],
  plugins: ["model", "components", "runtime"],
  "": ["plugins", "model", "components", "runtime", "tests"],
  tests: ["", "plugins", "model", "components", "runtime", "kernels"],
  bench: ["", "plugins", "model", "components", "runtime", "kernels", "tests"],
};

/** Packages that a file may import, by the start of its path. */
const packages: Readonly<Record<string, readonly string[]>> = {
  "kernels/build.ts": ["assemblyscript/asc", "binaryen", "node:zlib"],
  "plugins/chat/": ["@huggingface/jinja"],
  "plugins/cli/": ["@std/cli/parse-args"],
  "plugins/hub/": ["@huggingface/hub", "node:crypto"],
  "plugins/huggingface/": ["@huggingface/tokenizers"],
  "plugins/report/": ["vega", "vega-lite"],
  "tests/": [
    "@huggingface/tokenizers",
    "@std/assert",
    "ajv/2020",
    "fast-check",
    "@tenon/tenon",
    "@tenon/tenon/testing",
    "node:crypto",
    "node:zlib",
  ],
  "bench/": ["assemblyscript/asc", "node:process", "npm:", "@tenon/tenon", "@tenon/tenon/embedded"],
};

interface Import {
  readonly file: string;
  readonly target: string;
  readonly dynamic: boolean;
  /** Types alone: nothing is loaded for it. */
  readonly types: boolean;
}

function sources(folder = root): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (/^\.|^node_modules$|^assembly$|^golden$/.test(name)) return [];
    const url = new URL(isDirectory ? `${name}/` : name, folder);
    return isDirectory ? sources(url) : name.endsWith(".ts") ? [url.href.slice(root.href.length)] : [];
  });
}

/** Every import and re-export, comments left out. */
const imports: readonly Import[] = sources().flatMap((file) => {
  const text = Deno.readTextFileSync(new URL(file, root)).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)(\s+type\b)?[^;"'`]*?from\s+"([^"]+)"|\bimport\(\s*"([^"]+)"/g,
  );
  return [...found].map(([, type, a, b]) => ({ file, target: a ?? b, dynamic: a === undefined, types: !!type }));
});

const folderOf = (path: string) => path.includes("/") ? path.split("/")[0] : "";
const resolve = ({ file, target }: Pick<Import, "file" | "target">) =>
  new URL(target, new URL(file, root)).href.slice(root.href.length);

Deno.test("imports follow the layers", () => {
  assert(imports.length > 200, `only ${imports.length} imports found`);
  for (const { file, target } of imports.filter((i) => i.target.startsWith("."))) {
    const [from, to] = [folderOf(file), folderOf(resolve({ file, target }))];
    assert(
      from === to || layers[from]?.includes(to),
      `${file} imports ${target}: ${from || "."} may not import from ${to || "."}`,
    );
  }
});

Deno.test("packages are imported only where they belong", () => {
  for (const { file, target } of imports.filter((i) => !i.target.startsWith("."))) {
    const allowed = Object.entries(packages).filter(([start]) => file.startsWith(start)).flatMap(([, names]) => names);
    assert(
      allowed.some((name) => name.endsWith(":") ? target.startsWith(name) : target === name),
      `${file} imports ${target}`,
    );
  }
});

Deno.test("components never import a sibling: what two share is not a component", () => {
  const components = new Set(
    sources().filter((file) => /export const \w+: Component</.test(Deno.readTextFileSync(new URL(file, root)))),
  );
  for (const i of imports.filter((i) => components.has(i.file) && i.target.startsWith("."))) {
    assert(!components.has(resolve(i)), `${i.file} imports ${i.target}`);
  }
});

/** Every file that is loaded with `start`, through imports that `follow` accepts. */
function reach(start: string, follow: (i: Import) => boolean): Set<string> {
  const reached = new Set<string>(), queue = [start];
  for (let file = queue.pop(); file; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    queue.push(...imports.filter((i) => i.file === file && follow(i)).map(resolve));
  }
  return reached;
}

Deno.test("generate.ts loads the embedded model, chat and the hub only where it is asked for them", () => {
  const local = (i: Import) => i.target.startsWith(".");
  for (const file of ["plugins/embedded/gen/model.ts", "plugins/chat/mod.ts", "plugins/hub/mod.ts"]) {
    assert(reach("generate.ts", local).has(file));
    assert(!reach("generate.ts", (i) => local(i) && !i.dynamic).has(file));
  }
});

Deno.test("mod.ts needs no package and no file outside kernels, runtime, components, model and plugins", () => {
  const expectLocal = (i: Import) => assert(i.target.startsWith("."), `${i.file} imports ${i.target}`);
  for (const start of ["mod.ts", "model/ablation/mod.ts"]) {
    const reached = reach(start, (i) => (expectLocal(i), true));
    assert(reached.size > 50);
    assertEquals(
      [...reached].filter((f) => /^(tests|bench|plugins\/(chat|cli|embedded|gguf|hub|huggingface|report))\//.test(f)),
      [],
    );
  }
});

Deno.test("mod.ts loads less than 600,000 bytes; ablations are loaded when they are asked for", () => {
  const loaded = reach("mod.ts", (i) => !i.dynamic && !i.types);
  loaded.add("kernels/gen/baseline.ts"); // the larger of the two builds, of which one is loaded with a backend
  const bytes = [...loaded].reduce((sum, f) => sum + Deno.statSync(new URL(f, root)).size, 0);
  console.log(`mod.ts: ${loaded.size} modules, ${bytes} bytes`);
  assertEquals([...loaded].filter((f) => f.startsWith("model/ablation/")), []);
  assert(bytes < 600_000, `${bytes} bytes, expected less than 600,000`);
});

Deno.test("no import cycles", () => {
  const next = new Map<string, string[]>();
  for (const i of imports.filter((i) => i.target.startsWith("."))) {
    next.set(i.file, [...next.get(i.file) ?? [], resolve(i)]);
  }
  const done = new Set<string>();
  const visit = (file: string, path: string[]) => {
    assert(!path.includes(file), `cycle: ${[...path, file].join(" → ")}`);
    if (done.has(file)) return;
    for (const target of next.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
});

Deno.test("source files have fewer than 300 lines", () => {
  for (const file of sources().filter((f) => !/\/gen\//.test(f) && !f.endsWith("_test.ts"))) {
    const lines = Deno.readTextFileSync(new URL(file, root)).split("\n").length;
    assert(lines <= 301, `${file} has ${lines} lines`);
  }
});

Deno.test("each build of the kernels is smaller than 200,000 bytes", async () => {
  for (const build of ["baseline", "relaxed"]) {
    const { [build]: text } = await import(`../kernels/gen/${build}.ts`);
    const bytes = inflateRawSync(Uint8Array.fromBase64(text)).length;
    console.log(`${build}: ${bytes} bytes`);
    assert(bytes < 200_000);
  }
});
