/** Files that are read where they lie, from a server that cuts, falls silent, and swaps them. */
import { loadModel } from "../model/checkpoint.ts";
import { CheckpointError, memorySource } from "../model/source.ts";
import { gguf } from "../plugins/gguf/mod.ts";
import { openRemote, type RemoteOptions } from "../plugins/hub/mod.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "./assert.ts";
import { ggufFile, piecesMetadata, smallMetadata, smallTensors } from "./gguf_files.ts";
import { root } from "./processes.ts";
import { assertSameBits } from "./support.ts";

const file = ggufFile({ ...smallMetadata, ...piecesMetadata(["\u2581", "a", "b", "ab"]) }, smallTensors(263));
const patience = { silence: 200, tries: 3, wait: 1 };

/** How the server behaves. */
interface Behaviour {
  /** Connections break after so many bytes of an answer. */
  cut?: number;
  /** Connections hang after so many bytes of an answer. */
  hang?: number;
  /** Answers in place of its own. */
  answers?: (request: Request, nth: number) => Response | undefined;
}

/** Runs `f` with the address of the file on a server. */
async function served(
  behaviour: Behaviour,
  f: (address: string, log: string[]) => Promise<void>,
): Promise<void> {
  const log: string[] = [], hanging: (() => void)[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, onError: () => new Response() },
    (request) => {
      const range = request.headers.get("range")!;
      log.push(range);
      const own = behaviour.answers?.(request, log.length);
      if (own) return own;
      const [begin, end] = /^bytes=(\d+)-(\d+)$/.exec(range)!.slice(1).map(Number), part = file.slice(begin, end + 1);
      const headers = { "content-range": `bytes ${begin}-${begin + part.length - 1}/${file.length}`, etag: '"1"' };
      const most = Math.min(part.length, behaviour.cut ?? Infinity, behaviour.hang ?? Infinity);
      if (most === part.length) return new Response(part, { status: 206, headers });
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          controller.enqueue(part.slice(0, most));
          if (behaviour.hang !== undefined) await new Promise<void>((resolve) => hanging.push(resolve));
          controller.error(new Error("cut"));
        },
      });
      return new Response(body, { status: 206, headers });
    },
  );
  try {
    await f(`http://127.0.0.1:${server.addr.port}/some/m%20x.gguf?token=1`, log);
  } finally {
    for (const resolve of hanging) resolve();
    await server.shutdown();
  }
}

const failure = async (address: string, options: RemoteOptions = {}) => {
  const { message } = await assertRejects(async () => {
    using source = await openRemote(address, { patience, ...options });
    const into = new Uint8Array(file.length);
    await source.read(source.file!, 0, into);
    assertEquals(into, file);
  }, CheckpointError);
  assert(!message.includes("\n"), message);
  return message.replaceAll(new URL(address).host, "host");
};

Deno.test("a file on a server is the file, whatever the size of its blocks, and is asked for once", async () => {
  for (const block of [1000, 4096, file.length, undefined]) {
    await served({}, async (address, log) => {
      using source = await openRemote(address, { patience, ...(block && { block }) });
      assertEquals([source.path, source.file, source.files, source.size("m x.gguf")], [
        address,
        "m x.gguf",
        ["m x.gguf"],
        file.length,
      ]);
      using runtime = await createRuntime({ threads: 1 });
      const logits = async (from: typeof source) => {
        const { model, checkpoint } = await loadModel(runtime, from, { plugins: [gguf] });
        using _ = model;
        assertEquals((await checkpoint.tokenizer())!.decode([262]), "ab");
        return await runtime.read(runtime.keep(() => model.forward([1, 2, 3])));
      };
      assertSameBits(await logits(source), await logits(memorySource({ "m.gguf": file }, "m.gguf")), "logits");
      const blocks = Math.ceil(file.length / (block ?? file.length));
      assertEquals(new Set(log).size, blocks); // some of them more than once: three are remembered
      if (blocks === 1) assertEquals(log.length, 1);
    });
  }
});

Deno.test("connections that break are tried again, and given up in a line that says where", async () => {
  await served({ cut: 700 }, async (address) => {
    assertMatch(
      await failure(address, { block: 1000 }),
      /^Cannot read http:\/\/host\/some\/m%20x\.gguf\?token=1: the connection broke at byte \d+; tried 3 times$/,
    );
  });
  let broken = 0;
  const answers = () => broken++ % 2 ? undefined : new Response("busy", { status: 503 });
  await served({ answers }, async (address) => {
    using source = await openRemote(address, { patience, block: 1000 });
    const into = new Uint8Array(2500);
    await source.read(source.file!, 500, into);
    assertEquals(into, file.slice(500, 3000));
  });
});

Deno.test("a server that falls silent is not waited for", async () => {
  await served({ hang: 10 }, async (address) => {
    assertEquals(
      await failure(address),
      "Cannot read http://host/some/m%20x.gguf?token=1: nothing more came at byte 10; tried 3 times",
    );
  });
});

Deno.test("what is not a part of one file is refused in a line", async () => {
  const ranged = (from: number, total: number, etag: string, bytes: number) =>
    new Response(new Uint8Array(bytes), {
      status: 206,
      headers: { "content-range": `bytes ${from}-${from + bytes - 1}/${total}`, etag },
    });
  const cases: [answers: NonNullable<Behaviour["answers"]>, message: string][] = [
    [() => new Response(file), "the server sends all of it, expected the bytes from 0 on: download it"],
    [
      () => ranged(5, 9000, '"1"', 1000),
      "the server sends bytes 5-1004/9000, expected the bytes from 0 on: download it",
    ],
    [() => new Response(null, { status: 404, statusText: "Not Found" }), "the server says 404 Not Found"],
    [() => new Response(null, { status: 500 }), "the server says 500 Internal Server Error; tried 3 times"],
    [
      (_, nth) => nth === 2 ? ranged(1000, file.length, '"2"', 1000) : undefined,
      "it has changed since its first bytes were read, expected one file",
    ],
    [() => ranged(0, 1000, '"1"', 1200), "the server sends more than the 1000 bytes asked for"],
  ];
  for (const [answers, message] of cases) {
    await served({ answers }, async (address) => {
      const said = await failure(address, { block: 1000 });
      assert(said.startsWith("Cannot read http://host/some/m%20x.gguf?token=1: "), said);
      assertStringIncludes(said, message);
    });
  }
  for (const address of ["http://", "http://127.0.0.1/%zz.gguf"]) {
    const { message } = await assertRejects(() => openRemote(address), CheckpointError);
    assertEquals(message, `Cannot read ${address}: it is no address, expected one such as https://host/model.gguf`);
  }
});

Deno.test("generate.ts runs a file on a server, and says in a line what it lacks", async () => {
  await served({}, async (address) => {
    const run = async (...permissions: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-prompt",
          "-q",
          ...permissions,
          `${root}generate.ts`,
          "--model",
          address,
          "--max-tokens",
          "3",
          "--seed",
          "1",
        ],
        env: { NO_COLOR: "1" },
        stdin: "null",
      }).output();
      const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      return { code, out, err: err.replaceAll(new URL(address).host, "host") };
    };
    const { code, out, err } = await run(`--allow-net=${new URL(address).host}`);
    assertEquals(code, 0, err);
    assertMatch(err, /^prefill 1 tokens/);
    assert(out.trim().length > 0);
    assertEquals(await run(), {
      code: 1,
      out: "",
      err: "generate.ts: Cannot reach host: no permission, expected --allow-net=host\n",
    });
  });
});
