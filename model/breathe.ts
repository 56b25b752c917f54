/** Lets signals, timers and messages be served between two pieces of long work. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Most milliseconds between two looks at the event loop, so that timers, signals and streams are served. */
const PATIENCE = 30;

/** A function to await between pieces of work that may be short: it breathes when it is time to. */
export function breather(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last <= PATIENCE) return;
    await breathe();
    last = performance.now();
  };
}
