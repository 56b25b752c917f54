/**
 * Emscripten's code for browsers, made to run in Deno. Import this for its effects, before anything starts a worker.
 *
 * Two things stand in its way: it takes Deno for Node, because there is a `process`, and then looks for
 * `worker_threads`; and it starts classic workers, where Deno has only modules. So `process` goes, and every worker
 * becomes a module that first imports this file, for the workers that it starts in turn.
 */
const Plain = globalThis.Worker;

/** A worker that is a module whatever was asked for. */
class ModuleWorker extends Plain {
  /** Starts `script` after this file. */
  constructor(script: string | URL, { name }: WorkerOptions = {}) {
    const entry = `import ${JSON.stringify(import.meta.url)}; import ${JSON.stringify(String(script))};`;
    const url = URL.createObjectURL(new Blob([entry], { type: "text/javascript" }));
    super(url, { type: "module", ...(name !== undefined && { name }) });
  }
}

Reflect.deleteProperty(globalThis, "process");
globalThis.Worker = ModuleWorker;
