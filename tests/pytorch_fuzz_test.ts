/** Damaged files of PyTorch: each loads, or gives one clear line, and nothing large is read for it. */
import fc from "fast-check";
import { loadModel } from "../model/checkpoint.ts";
import { CheckpointError, memorySource, type Source } from "../model/source.ts";
import { huggingface } from "../plugins/huggingface/mod.ts";
import { readPickle } from "../plugins/pytorch/pickle.ts";
import { pytorch } from "../plugins/pytorch/mod.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals } from "./assert.ts";
import { type Files, llamaFolder, llamaShapes } from "./checkpoint_files.ts";
import { apply, type Damage, damage } from "./damage.ts";
import { nanogptCheckpoint, type Pickled, stateDict, TensorToSave, torchArchive, torchPickles } from "./torch_files.ts";

const RUNS = 2000;

/** A Llama whose products are transposed, so that they are gathered, all of them in one storage each. */
function transposed(): Map<string, Pickled> {
  return new Map(
    [...stateDict(llamaShapes)].map(([name, { storage, shape }]) => {
      const [rows] = shape;
      return [
        name,
        shape.length === 1 ? new TensorToSave(storage, shape) : new TensorToSave(storage, shape, [1, rows]),
      ];
    }),
  );
}

const folder = (weights: Uint8Array<ArrayBuffer>): Files => ({
  "config.json": llamaFolder()["config.json"],
  "pytorch_model.bin": weights,
});
const checkpoints: [name: string, files: Files, file: string, named?: string][] = [
  ["an archive in a folder", folder(torchArchive(stateDict(llamaShapes))), "pytorch_model.bin"],
  ["a large archive of transposed weights", folder(torchArchive(transposed(), { large: true })), "pytorch_model.bin"],
  ["pickles of before 1.6 in a folder", folder(torchPickles(transposed())), "pytorch_model.bin"],
  ["a nanoGPT in an archive", { "ckpt.pt": torchArchive(nanogptCheckpoint()) }, "ckpt.pt", "ckpt.pt"],
  ["a nanoGPT of before 1.6", { "ckpt.pt": torchPickles(nanogptCheckpoint()) }, "ckpt.pt", "ckpt.pt"],
];

/** Damage at any place of the whole file, of its first part or of its last: most of a file is values, which may be anything. */
const damages = fc.array(
  fc.record({ damage, place: fc.noBias(fc.nat(9999)), part: fc.constantFrom("whole", "first", "first", "last") }),
  { minLength: 1, maxLength: 3 },
);
type Place = typeof damages extends fc.Arbitrary<(infer T)[]> ? T : never;

function broken(file: Uint8Array<ArrayBuffer>, { damage, place, part }: Place): Uint8Array<ArrayBuffer> {
  // Pickles are as long, and the directory of an archive.
  const last = Math.max(0, file.length - 1500);
  const [begin, end] = { whole: [0, file.length], first: [0, 4000], last: [last, file.length] }[part]!;
  const d: Damage = "at" in damage ? { ...damage, at: place / 10_000 } : damage;
  return Uint8Array.from([...file.subarray(0, begin), ...apply(file.slice(begin, end), d), ...file.subarray(end)]);
}

/** Adds up what is read of a source. */
function counted(source: Source, seen: (bytes: number) => void): Source {
  return {
    ...source,
    read(file, offset, into) {
      seen(into.length);
      return source.read(file, offset, into);
    },
  };
}

for (const [name, files, file, named] of checkpoints) {
  Deno.test(`${RUNS} damaged copies of ${name} load, or give one clear line`, async () => {
    using runtime = await createRuntime({ threads: 1 });
    const used = runtime.backend.memory.used, ends = { loaded: 0, refused: 0 }, plugins = [huggingface, pytorch];
    await fc.assert(
      fc.asyncProperty(damages, async (list) => {
        const damaged = list.reduce(broken, files[file]);
        let sum = 0;
        const source = counted(memorySource({ ...files, [file]: damaged }, named), (bytes) => {
          assert(bytes <= damaged.length + 65_557, `${bytes} bytes at once of a file of ${damaged.length}`);
          sum += bytes;
        });
        try {
          const { model } = await loadModel(runtime, source, { plugins });
          try {
            runtime.scope(() => model.forward([1]));
            ends.loaded++;
          } finally {
            model.close();
          }
        } catch (error) {
          assert(error instanceof CheckpointError || error instanceof RangeError, `${(error as Error).stack}`);
          assert(/^Cannot .{20}/.test(error.message) && !error.message.includes("\n"), error.message);
          ends.refused++;
        }
        assert(sum <= 20 * damaged.length + 100_000, `${sum} bytes read of a file of ${damaged.length}`);
        assertEquals(runtime.backend.memory.used - runtime.backend.scratch.bytes, used, "nothing is left behind");
      }),
      { seed: 11, numRuns: RUNS },
    );
    console.log(`${name}: ${ends.loaded} loaded, ${ends.refused} refused`);
    assert(ends.loaded > 0 && ends.refused > RUNS / 4);
  });
}

/** Instructions that do not need what was not said, one by one or after another. */
const instruction = fc.oneof(
  fc.constantFrom(..."(012N)]}tldaeusRb.Q\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94").map((
    c,
  ) => [c.charCodeAt(0)]),
  fc.tuple(fc.constantFrom(..."KqhU\x8a\x8cC"), fc.nat(4)).map(([c, n]) => [c.charCodeAt(0), n]),
  fc.constantFrom("storage", "0", "cpu", "x").map((text) => [0x55, text.length, ...new TextEncoder().encode(text)]),
  fc.constantFrom(
    "torch\nFloatStorage\n",
    "torch._utils\n_rebuild_tensor_v2\n",
    "torch._utils\n_rebuild_parameter\n",
    "torch\nSize\n",
    "collections\nOrderedDict\n",
    "os\nsystem\n",
  ).map((text) => [0x63, ...new TextEncoder().encode(text)]),
  fc.uint8Array({ minLength: 1, maxLength: 4 }).map((bytes) => [...bytes]),
);

Deno.test(`${10 * RUNS} programs of random instructions end, or give one clear line`, () => {
  const fail = (at: number, problem: string) => new CheckpointError(`Cannot read it: at byte ${at} ${problem}`);
  let ended = 0;
  fc.assert(
    fc.property(fc.array(instruction, { minLength: 1, maxLength: 30 }), (parts) => {
      const bytes = Uint8Array.from([...parts.flat(), 0x2e]);
      try {
        readPickle({ bytes, base: 0, limit: bytes.length, fail }, 0);
        ended++;
      } catch (error) {
        assert(error instanceof CheckpointError, `${(error as Error).stack}`);
      }
    }),
    { seed: 3, numRuns: 10 * RUNS },
  );
  assert(ended > RUNS / 10, `${ended} ended`);
});
