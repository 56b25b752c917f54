/**
 * The page that bench/browser/serve.ts serves: the embedded model in WebAssembly and on WebGPU, through the entry points
 * of the package.
 *
 * @module
 */
/// <reference lib="dom" />
import { createRuntime, generateText } from "@tenon/tenon";
import { type Embedded, loadEmbedded, type Runtime } from "@tenon/tenon/embedded";

/** One of the two columns. */
interface Side {
  readonly backend: "wasm" | "webgpu";
  readonly section: HTMLElement;
  /** Made by the first run, kept for those that follow. */
  loaded?: Promise<Loaded>;
}

interface Loaded extends Embedded {
  readonly runtime: Runtime;
}

const element = <E extends HTMLElement = HTMLElement>(selector: string, within: ParentNode = document) =>
  within.querySelector<E>(selector)!;
const prompt = element<HTMLInputElement>("#prompt"), tokens = element<HTMLInputElement>("#tokens");
const sides: readonly Side[] = (["wasm", "webgpu"] as const).map((backend) => ({
  backend,
  section: element(`#${backend}`),
}));

/** `idle`, `running`, `done`, `failed` or `absent` is what styles and tests see. */
function show({ section }: Side, state: string, status: string): void {
  section.dataset.state = state;
  element(".status", section).textContent = status;
}

async function load(backend: Side["backend"]): Promise<Loaded> {
  const runtime = await createRuntime({ backend });
  return { runtime, ...await loadEmbedded(runtime) };
}

/** What computes, for people: `webgpu, google swiftshader (software)`. */
function describe({ backend }: Runtime): string {
  return `${backend.name}${(backend as { software?: boolean }).software ? " (software)" : ""}`;
}

async function run(side: Side): Promise<void> {
  const text = element(".text", side.section), maxTokens = Number(tokens.value);
  text.textContent = prompt.value;
  show(side, "running", "Loading the model …");
  try {
    const { runtime, model, tokenizer } = await (side.loaded ??= load(side.backend)), start = performance.now();
    let count = 0, first = 0;
    for await (const piece of generateText(model, tokenizer, prompt.value, { maxTokens, samplers: ["greedy"] })) {
      if (!count++) first = performance.now() - start;
      text.append(piece.text);
      show(side, "running", `${describe(runtime)}: ${count} tokens`);
    }
    const seconds = (performance.now() - start) / 1000, rate = (count / seconds).toFixed(0);
    show(side, "done", `${describe(runtime)}: ${rate} tokens/s, the first after ${first.toFixed(0)} ms`);
  } catch (error) {
    delete side.loaded;
    show(side, "failed", error instanceof Error ? error.message : String(error));
  }
}

/** Says whether both wrote the same. */
function compare(): void {
  const [a, b] = sides.map(({ section }) => element(".text", section).textContent ?? "");
  const done = sides.every(({ section }) => section.dataset.state === "done");
  const at = [...a].findIndex((c, i) => c !== b[i]);
  const differ = at < 0
    ? `one goes on after ${Math.min(a.length, b.length)} characters`
    : `from character ${at + 1} on`;
  element("#verdict").textContent = !done ? "" : a === b ? "Both wrote the same." : `They differ: ${differ}.`;
}

/** Runs sides one after the other, so that neither takes the processor from the other. */
async function runAll(chosen: readonly Side[]): Promise<void> {
  if (!element<HTMLFormElement>("#form").reportValidity()) return;
  const buttons = [...document.querySelectorAll("button")].filter((button) => !button.disabled);
  for (const button of buttons) button.disabled = true;
  element("#verdict").textContent = "";
  for (const side of chosen) if (side.section.dataset.state !== "absent") await run(side);
  for (const button of buttons) button.disabled = false;
  compare();
}

/** Why WebGPU cannot be used here, if it cannot. */
async function whyNoWebgpu(): Promise<string | undefined> {
  const { gpu } = navigator as { gpu?: GPU };
  if (!isSecureContext) return "pages that are not from localhost need HTTPS for it";
  if (!gpu) return "it has no navigator.gpu";
  return await gpu.requestAdapter() ? undefined : "it found no GPU with a driver that it trusts";
}

for (const side of sides) {
  show(side, "idle", "");
  element("button", side.section).onclick = () => runAll([side]);
}
element<HTMLFormElement>("#form").onsubmit = (event) => {
  event.preventDefault();
  runAll(sides);
};
const why = await whyNoWebgpu();
if (why !== undefined) {
  show(sides[1], "absent", `This browser offers no WebGPU adapter: ${why}.`);
  element<HTMLButtonElement>("button", sides[1].section).disabled = true;
}
if (!crossOriginIsolated) {
  show(sides[0], "absent", "WebAssembly needs shared memory here: serve this page with bench/browser/serve.ts.");
  element<HTMLButtonElement>("button", sides[0].section).disabled = true;
}
document.body.dataset.ready = "true";
