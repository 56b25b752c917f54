import { memorySink, openSink, type Sink } from "../model/sink.ts";
import { denoDisk } from "../model/disk.ts";
import { CheckpointError } from "../model/source.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "./assert.ts";
import { crashingDisk, filesIn, fullDisk, inFolder, watchedDisk } from "./disks.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (folder: string) =>
  Object.fromEntries(Object.entries(filesIn(folder)).map(([name, b]) => [name, new TextDecoder().decode(b)]));

type Set = Readonly<Record<string, string>>;
const first: Set = { "a.json": "first a", "b.bin": "first b", "config.json": "first config" };
const second: Set = {
  "a.json": "second a",
  "b.bin": "second b",
  "new.json": "second new",
  "config.json": "second config",
};

async function fill(sink: Sink, files: Set): Promise<void> {
  try {
    for (const [name, content] of Object.entries(files)) {
      await sink.write(name, [bytes(content.slice(0, 3)), bytes(content.slice(3))]);
    }
    sink.commit();
  } finally {
    sink.close();
  }
}

Deno.test("a sink shows its files on commit, all of them, and nothing else", () =>
  inFolder(async (folder) => {
    const path = `${folder}/deep/out`;
    await fill(openSink(path), first);
    assertEquals(text(path), first);
    Deno.writeTextFileSync(`${path}/notes.txt`, "mine");
    const sink = openSink(`${path}/`);
    assertEquals(sink.files, ["a.json", "b.bin", "config.json", "notes.txt"]);
    await sink.write("a.json", [bytes("other")]);
    assertEquals(Object.keys(text(path)).filter((name) => !name.startsWith(".tmp-")), [...sink.files]);
    sink.close();
    sink.close();
    assertEquals(text(path), { ...first, "notes.txt": "mine" });
    await fill(openSink(path), second);
    assertEquals(text(path), { ...second, "notes.txt": "mine" });
  }));

Deno.test("a sink that is closed without a commit takes the folder that it made with it", () =>
  inFolder(async (folder) => {
    const sink = openSink(`${folder}/out`);
    await sink.write("a.json", [bytes("a")]);
    sink.close();
    assertEquals(text(folder), {});
  }));

Deno.test("a full disk, at every byte: one line with path and cause, and everything as it was", () =>
  inFolder(async (folder) => {
    await fill(openSink(folder), first);
    const total = Object.values(second).join("").length;
    for (let room = 0; room < total; room++) {
      const error = await assertRejects(() => fill(openSink(folder, fullDisk(room)), second), CheckpointError);
      const [, file] = /^Cannot save .*: (\S+): No space left on device \(os error 28\); what was there is unchanged$/
        .exec(error.message)!;
      assert(file in second && error.message.includes(folder), error.message);
      assertEquals(text(folder), first);
    }
    await fill(openSink(folder, fullDisk(total)), second);
    assertEquals(text(folder), second);
  }));

Deno.test({
  name: "the system's own word for a full disk",
  ignore: Deno.build.os !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      const create = (path: string) => {
        denoDisk.create(path).close();
        const file = Deno.openSync("/dev/full", { write: true });
        return { ...file, write: (b: Uint8Array) => void file.writeSync(b), sync() {}, close: () => file.close() };
      };
      await assertRejects(
        () => fill(openSink(folder, { ...denoDisk, create }), first),
        CheckpointError,
        `Cannot save ${folder}: a.json: No space left on device (os error 28); what was there is unchanged`,
      );
      assertEquals(text(folder), {});
    }),
});

Deno.test("a crash between any two changes leaves a beginning of the old set, or of the new one", () =>
  inFolder(async (folder) => {
    const names = ["a.json", "b.bin", "new.json", "config.json"], seen = new Set<string>();
    for (let changes = 0;; changes++) {
      for (const { name } of [...Deno.readDirSync(folder)]) Deno.removeSync(`${folder}/${name}`, { recursive: true });
      await fill(openSink(folder), first);
      const disk = crashingDisk(changes);
      try {
        await fill(openSink(folder, disk), second);
      } catch (error) {
        assert(error instanceof CheckpointError, (error as Error).stack);
      }
      const there = text(folder), visible = names.filter((name) => name in there);
      const from = (set: Set) => {
        const inSet = names.filter((name) => name in set);
        return visible.every((name, i) => name === inSet[i] && there[name] === set[name]);
      };
      assert(from(first) || from(second), `after ${changes} changes: ${JSON.stringify(there)}`);
      seen.add(visible.map((name) => there[name]).join(", "));
      // Whatever the crash left, nothing of the old set is lost before the new one is complete…
      const everything = Object.values(there);
      if (!everything.includes("second config") || !("config.json" in there)) {
        for (const content of Object.values(first)) assert(everything.includes(content), `lost ${content}`);
      }
      // … and the next save works and cleans up.
      await fill(openSink(folder), second);
      assertEquals(text(folder), second);
      if (!disk.crashed) break;
    }
    assertEquals(seen.size, 8, [...seen].join("\n")); // 3 old files going, 4 new ones coming, and none
  }));

Deno.test("if one file changes, a crash leaves the old set or the new one, never less", () =>
  inFolder(async (folder) => {
    const next = { ...first, "b.bin": "second b" }, seen = new Set<string>();
    for (let changes = 0;; changes++) {
      await fill(openSink(folder), first);
      const disk = crashingDisk(changes);
      try {
        await fill(openSink(folder, disk), next);
      } catch (error) {
        assert(error instanceof CheckpointError, (error as Error).stack);
      }
      const visible = Object.fromEntries(Object.entries(text(folder)).filter(([name]) => !name.startsWith(".tmp-")));
      assert([first, next].some((set) => JSON.stringify(visible) === JSON.stringify(set)), JSON.stringify(visible));
      seen.add(visible["b.bin"]);
      if (!disk.crashed) break;
    }
    assertEquals([...seen], ["first b", "second b"]);
  }));

Deno.test("a rename that fails is undone; if that fails too, the message says where the files are", () =>
  inFolder(async (folder) => {
    await fill(openSink(folder), first);
    for (let failing = 1; failing <= 7; failing++) {
      let renames = 0;
      const disk = watchedDisk((what) => {
        if (what === "rename" && ++renames === failing) throw new Error("Device or resource busy (os error 16)");
      });
      await assertRejects(
        () => fill(openSink(folder, disk), second),
        CheckpointError,
        `Cannot save ${folder}: Device or resource busy (os error 16); what was there is unchanged`,
      );
      assertEquals(text(folder), first);
    }
    let renames = 0;
    const disk = watchedDisk((what) => {
      if (what === "rename" && ++renames >= 3) throw new Error("busy");
    });
    const error = await assertRejects(() => fill(openSink(folder, disk), second), CheckpointError);
    const [, place] = /^Cannot save .*: a rename failed twice; what was there is in (.*)$/.exec(error.message)!;
    assertEquals(text(place)["config.json.previous"], "first config");
    // A sink that is opened and given up afterwards does not take them away.
    openSink(folder).close();
    assertEquals(text(place)["config.json.previous"], "first config");
  }));

Deno.test("places that cannot be written to are named", async () => {
  await inFolder((folder) => {
    Deno.writeTextFileSync(`${folder}/out`, "a file");
    assertThrows(
      () => openSink(`${folder}/out`),
      CheckpointError,
      `Cannot save ${folder}/out: it is a file, expected a folder; what was there is unchanged`,
    );
    assertEquals(text(folder), { out: "a file" });
    assertThrows(() => openSink(`${folder}/out/in`), CheckpointError, `Cannot save ${folder}/out/in: `);
  });
  if (Deno.build.os !== "linux") return;
  assertThrows(() => openSink("/proc/tenon"), CheckpointError, "Cannot save /proc/tenon: ");
});

Deno.test({
  name: "a folder without permission to write is named",
  ignore: Deno.build.os === "windows" || Deno.uid() === 0, // root may write anywhere
  fn: () =>
    inFolder((folder) => {
      Deno.chmodSync(folder, 0o500);
      assertThrows(() => openSink(folder), CheckpointError, `Cannot save ${folder}: Permission denied`);
      Deno.chmodSync(folder, 0o700);
    }),
});

Deno.test({ name: "without Deno's permission, a sink says which", permissions: { read: true, write: false } }, () => {
  assertThrows(
    () => openSink("tests"),
    CheckpointError,
    "Cannot save tests: no permission, expected --allow-read and --allow-write",
  );
});

Deno.test("a sink refuses what would be a mistake of a format", () =>
  inFolder(async (folder) => {
    for (const file of ["../a", "a/b", ".hidden", "", "a\\b"]) {
      using sink = openSink(folder);
      await assertRejects(
        () => sink.write(file, []),
        TypeError,
        `Cannot write ${JSON.stringify(file)}, expected the name`,
      );
    }
    const sink = openSink(folder);
    await sink.write("a", [bytes("a")]);
    await assertRejects(() => sink.write("a", []), TypeError, 'Cannot write "a", expected the name of a new file');
    const failing = (function* () {
      yield bytes("b");
      throw new RangeError("no more");
    })();
    await assertRejects(() => sink.write("b", failing), RangeError, "no more");
    assertThrows(() => sink.commit(), TypeError, `Cannot commit ${folder}: b has not been written`);
    sink.close();
    assertThrows(() => sink.commit(), TypeError, "the sink is closed, expected an open one");
    await assertRejects(() => sink.write("c", []), TypeError, "Cannot write c: the sink is closed");
    assertEquals(text(folder), {});
  }));

Deno.test("memorySink() keeps what is committed", async () => {
  const contents: Record<string, Uint8Array> = { old: bytes("old") }, sink = memorySink(contents);
  await sink.write("a", [bytes("1"), bytes("2")]);
  assertEquals([sink.files, Object.keys(contents)], [["old"], ["old"]]);
  sink.commit();
  assertEquals(contents, { old: bytes("old"), a: bytes("12") });
});
