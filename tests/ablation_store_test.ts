/** results.jsonl: what is added stays, whatever happens to the process, the disk or the last line. */
import type { TrialResult } from "../model/ablation/outcome.ts";
import { openStore } from "../model/ablation/store.ts";
import { CheckpointError } from "../model/source.ts";
import { assert, assertEquals, assertThrows } from "./assert.ts";
import { inFolder } from "./disks.ts";

const module = new URL("../model/ablation/store.ts", import.meta.url).href;

/** As much of a result as the store looks at, with characters of several bytes. */
function result(key: string, loss = 1): TrialResult {
  return {
    key,
    arm: "größe=2 → 3",
    seed: 1,
    outcome: "finished",
    score: { loss },
    curve: [],
  } as unknown as TrialResult;
}

const keysIn = (folder: string) =>
  Deno.readTextFileSync(`${folder}/results.jsonl`).trimEnd().split("\n").map((line) => JSON.parse(line).key);

function fill(folder: string, ...results: readonly TrialResult[]): void {
  using store = openStore(folder);
  for (const one of results) store.add(one);
}

Deno.test("results are there when the folder is opened again, the newest of each key", async () => {
  await inFolder((folder) => {
    const path = `${folder}/new/results`;
    fill(path, result("b"), result("a"));
    fill(path, result("b", 2), { ...result("c"), outcome: "diverged" });
    assertEquals(keysIn(path), ["b", "a", "b", "c"]);
    using store = openStore(path);
    assertEquals([...store.results.keys()].sort(), ["a", "b", "c"]);
    assertEquals(store.results.get("b"), result("b", 2));
    store.add(result("a", 3));
    assertEquals(store.results.get("a"), result("a", 3));
  });
});

Deno.test("a last line that was cut off at any byte is dropped, and the file is mended", async () => {
  await inFolder((folder) => {
    fill(folder, result("a"), result("b"));
    const path = `${folder}/results.jsonl`, whole = Deno.readFileSync(path);
    const first = whole.indexOf(10) + 1;
    for (let length = first; length < whole.length; length++) {
      Deno.writeFileSync(path, whole.subarray(0, length));
      {
        using store = openStore(folder);
        assertEquals([...store.results.keys()], ["a"]);
        assertEquals(Deno.readFileSync(path), whole.subarray(0, first));
        store.add(result("b"));
      }
      assertEquals(Deno.readFileSync(path), whole);
    }
  });
});

Deno.test("another line that is no result is an error that names it", async () => {
  await inFolder((folder) => {
    fill(folder, result("a"), result("b"), result("c"));
    const path = `${folder}/results.jsonl`, lines = Deno.readTextFileSync(path).split("\n");
    const broken = [lines[1].slice(0, 20), "", "null", "[]", "{}", lines[1].replace('"loss"', '"lost"')];
    for (const line of broken) {
      const text = lines.with(1, line).join("\n");
      Deno.writeTextFileSync(path, text);
      const error = assertThrows(() => openStore(folder), CheckpointError);
      assertEquals(
        error.message,
        `Cannot read ${path}: line 2 is no result, expected JSON with a key and an outcome`,
      );
      assertEquals(Deno.readTextFileSync(path), text);
    }
    // The error has let go of the folder.
    Deno.removeSync(path);
    openStore(folder)[Symbol.dispose]();
  });
});

Deno.test("arrange puts the results that are asked for first, the others by key, each once", async () => {
  await inFolder((folder) => {
    const orders = [["d", "a", "c", "b"], ["b", "c", "a", "d", "b"]];
    const files = orders.map((order, i) => {
      using store = openStore(`${folder}/${i}`);
      for (const key of order) store.add(result(key));
      store.arrange(["c", "missing", "a", "c"]);
      return Deno.readTextFileSync(`${folder}/${i}/results.jsonl`);
    });
    assertEquals(keysIn(`${folder}/0`), ["c", "a", "b", "d"]);
    assertEquals(files[1], files[0]);
    fill(`${folder}/0`, result("e"));
    assertEquals(keysIn(`${folder}/0`), ["c", "a", "b", "d", "e"]);
  });
});

Deno.test("only one at a time can have a folder", async () => {
  await inFolder((folder) => {
    const refused = () => assertThrows(() => openStore(folder), CheckpointError).message;
    const message = `Cannot use ${folder}: another process runs an ablation there, expected one at a time`;
    {
      using _ = openStore(folder);
      assertEquals(refused(), message);
      assertEquals(refused(), message);
    }
    openStore(folder)[Symbol.dispose]();
  });
});

Deno.test("a process that is killed leaves its results and lets go of the folder", async () => {
  await inFolder(async (folder) => {
    const code = `import { openStore } from ${JSON.stringify(module)};
      const store = openStore(${JSON.stringify(folder)});
      store.add(${JSON.stringify(result("a"))});
      store.add(${JSON.stringify(result("b"))});
      console.log("added");
      setInterval(() => store, 1000);`;
    const process = new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--no-lock", code],
      stdout: "piped",
    }).spawn();
    const reader = process.stdout.getReader();
    assertEquals(new TextDecoder().decode((await reader.read()).value), "added\n");
    try {
      assertThrows(() => openStore(folder), CheckpointError, "another process runs an ablation there");
    } finally {
      process.kill("SIGKILL");
    }
    await reader.cancel();
    await process.status;
    using store = openStore(folder);
    assertEquals([...store.results.values()], [result("a"), result("b")]);
  });
});

Deno.test("a folder that cannot be written to is a clear error", async () => {
  await inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/file`, "");
    const error = assertThrows(() => openStore(`${folder}/file/results`), CheckpointError);
    assert(error.message.startsWith(`Cannot keep results in ${folder}/file/results: Not a directory`), error.message);
    Deno.mkdirSync(`${folder}/taken/results.jsonl`, { recursive: true });
    assertThrows(() => openStore(`${folder}/taken`), CheckpointError, `Cannot keep results in ${folder}/taken: `);
  });
});

Deno.test("a result that the disk has no room for leaves no part of a line", async () => {
  await inFolder((folder) => {
    const { writeSync, syncSync } = Deno.FsFile.prototype, path = `${folder}/results.jsonl`;
    using store = openStore(folder);
    store.add(result("a"));
    const before = Deno.readFileSync(path),
      full = () => {
        throw new Error("No space left on device (os error 28)");
      };
    for (const fails of ["write", "sync", "nothing taken"]) {
      let calls = 0;
      Deno.FsFile.prototype.writeSync = function (bytes) {
        if (fails === "sync") return writeSync.call(this, bytes);
        if (calls++) return fails === "write" ? full() : 0;
        return writeSync.call(this, bytes.subarray(0, 9));
      };
      if (fails === "sync") Deno.FsFile.prototype.syncSync = full;
      try {
        assertThrows(() => store.add(result("b")), CheckpointError, `Cannot keep results in ${folder}: `);
      } finally {
        Object.assign(Deno.FsFile.prototype, { writeSync, syncSync });
      }
      assertEquals(Deno.readFileSync(path), before);
      assertEquals(store.results.has("b"), false);
    }
    store.add(result("c"));
    assertEquals(keysIn(folder), ["a", "c"]);
  });
});

Deno.test("each result is on the disk when it has been added", async () => {
  await inFolder((folder) => {
    const { writeSync, syncSync } = Deno.FsFile.prototype, done: string[] = [];
    using store = openStore(folder);
    Deno.FsFile.prototype.writeSync = function (bytes) {
      done.push("write");
      return writeSync.call(this, bytes);
    };
    Deno.FsFile.prototype.syncSync = function () {
      done.push("sync");
      return syncSync.call(this);
    };
    try {
      store.add(result("a"));
    } finally {
      Object.assign(Deno.FsFile.prototype, { writeSync, syncSync });
    }
    assertEquals(done, ["write", "sync"]);
  });
});
