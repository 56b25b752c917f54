/** Chat: templates beside Jinja2's own output, conversations beside generation from scratch, the command as a process. */
import { createModel, type Model } from "../model/decoder.ts";
import type { Plugin } from "../model/plugin.ts";
import { CheckpointError, memorySource, type Source } from "../model/source.ts";
import { generateText } from "../model/text.ts";
import type { Tokenizer } from "../model/tokenizer.ts";
import { trainTokenizer } from "../model/train_tokenizer.ts";
import {
  type Answer,
  type ChatFormat,
  chatFormat,
  type ChatMessage,
  type Conversation,
  createConversation,
  plainFormat,
  templateFormat,
} from "../plugins/chat/mod.ts";
import { chatLoop, type ChatTerminal } from "../plugins/cli/chat_loop.ts";
import { linesOf } from "../plugins/cli/lines.ts";
import { readChat } from "../plugins/huggingface/chat.ts";
import { readTokenizer } from "../plugins/huggingface/tokenizer.ts";
import { createRuntime } from "../runtime/runtime.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "./assert.ts";
import { llamaFolder, llamaShapes, safetensors } from "./checkpoint_files.ts";
import { root } from "./processes.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const folder = (files: Readonly<Record<string, unknown>>): Source =>
  memorySource(Object.fromEntries(
    Object.entries(files).map(([name, value]) => [
      name,
      bytesOf(typeof value === "string" ? value : JSON.stringify(value)),
    ]),
  ));

// ---- templates ------------------------------------------------------------------------------------------------------

const brackets = `{{ bos_token }}{% for message in messages %}
    {% if message['role'] == 'user' %}
        {{ '[ASK] ' + message.content | trim + ' [/ASK]' }}
    {% elif message['role'] == 'assistant' %}
        {{- ' ' + message['content'] + eos_token -}}
    {% else %}
        {{- '<<' ~ message.content ~ '>>\\n' -}}
    {% endif %}
{% endfor %}
`;

const turns = `{%- set ns = namespace(count=0) -%}
{%- if messages[0].role == 'system' -%}
    {%- set rules = messages[0].content -%}
    {%- set rest = messages[1:] -%}
{%- else -%}
    {%- set rules = 'Be brief.' -%}
    {%- set rest = messages -%}
{%- endif -%}
<|begin|>system
{{ rules }}{% if tools is not none %} TOOLS{% endif %}<|end|>
{% for m in rest %}
{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('roles must take turns') }}
{% endif %}
{% set ns.count = ns.count + 1 %}
<|begin|>{{ m.role }} {{ loop.index }}/{{ loop.length }}
{{ m.content | trim }}<|end|>
{% endfor %}
{% if add_generation_prompt %}
<|begin|>assistant {{ ns.count + 1 }}
{% endif %}
`;

const talk: readonly ChatMessage[] = [
  { role: "system", content: "Speak like a pirate." },
  { role: "user", content: "  Hi \n" },
  { role: "assistant", content: "Ahoy!" },
  { role: "user", content: "Why {{ so }}?" },
];
const tokens = { bos_token: "<s>", eos_token: "</s>" };
const formatOf = (template: string): ChatFormat =>
  templateFormat({ file: "f", templates: { default: template }, tokens });

/** What Jinja2 3.1.6 makes of them, set up as transformers sets it up (trim_blocks, lstrip_blocks, tools=None). */
const rendered: [template: string, messages: readonly ChatMessage[], text: string][] = [
  [
    brackets,
    talk,
    "<s><<Speak like a pirate.>>\n        [ASK] Hi [/ASK]\n Ahoy!</s>        [ASK] Why {{ so }}? [/ASK]\n",
  ],
  [brackets, talk.slice(1, 2), "<s>        [ASK] Hi [/ASK]\n"],
  [
    turns,
    talk,
    "<|begin|>system\nSpeak like a pirate.<|end|>\n<|begin|>user 1/3\nHi<|end|>\n<|begin|>assistant 2/3\nAhoy!<|end|>\n" +
    "<|begin|>user 3/3\nWhy {{ so }}?<|end|>\n<|begin|>assistant 4\n",
  ],
  [
    turns,
    talk.slice(1, 2),
    "<|begin|>system\nBe brief.<|end|>\n<|begin|>user 1/1\nHi<|end|>\n<|begin|>assistant 2\n",
  ],
];

Deno.test("templateFormat() renders what Jinja2 renders", () => {
  for (const [template, messages, text] of rendered) assertEquals(formatOf(template).render(messages), text);
});

Deno.test("a template that fails says so in one line, with what it said itself", () => {
  const message = (f: () => unknown) => assertThrows(f, CheckpointError).message;
  assertEquals(
    message(() => formatOf(turns).render([talk[1], talk[1]])),
    "Cannot write the conversation by the chat template of f: roles must take turns",
  );
  assertMatch(message(() => formatOf("{% if %}")), /^Cannot read the chat template of f: .+/);
  assertMatch(
    message(() => formatOf("{{ messages.nothing() }}").render(talk)),
    /^Cannot write the conversation by the chat template of f: .+/,
  );
  assertEquals(
    message(() => templateFormat({ file: "f", templates: { tool_use: "", rag: "" }, tokens })),
    "Cannot use the chat templates of f: they are tool_use, rag, expected one named default",
  );
});

Deno.test("readChat() takes a text, named texts or chat_template.jinja, which counts first", async () => {
  const read = async (files: Record<string, unknown>) => (await readChat(folder(files)))?.templates;
  const settings = (chat_template?: unknown) => ({ "tokenizer_config.json": { chat_template } });
  assertEquals(await read({}), undefined);
  assertEquals(await read(settings(null)), undefined);
  assertEquals(await read(settings("one")), { default: "one" });
  const named = [{ name: "default", template: "a" }, { name: "tool_use", template: "b" }];
  assertEquals(await read(settings(named)), { default: "a", tool_use: "b" });
  assertEquals(await read({ "chat_template.jinja": "two", ...settings("one") }), { default: "two" });
  for (
    const [wrong, message] of [
      [5, "chat_template is 5, expected a text, or a list of { name, template }"],
      [[{ name: "default" }], 'chat_template[0] is {"name":"default"}, expected a text'],
      [[null], "chat_template[0] is null, expected a text"],
    ] as const
  ) {
    const error = await assertRejects(() => read(settings(wrong)), CheckpointError);
    assertStringIncludes(error.message, `Cannot read tokenizer_config.json: ${message}`);
  }
});

Deno.test("readChat() finds special tokens as texts and as objects, in both files", async () => {
  const source = folder({
    "tokenizer_config.json": {
      chat_template: "x",
      bos_token: { content: "<s>", lstrip: false },
      eos_token: "</s>",
      pad_token: null,
      add_bos_token: true,
    },
    "special_tokens_map.json": { eos_token: "<old>", unk_token: { content: "<unk>" } },
  });
  assertEquals((await readChat(source))!.tokens, { unk_token: "<unk>", bos_token: "<s>", eos_token: "</s>" });
  const wrong = folder({ "tokenizer_config.json": { chat_template: "x", eos_token: 3 } });
  await assertRejects(() => readChat(wrong), CheckpointError, "Cannot read tokenizer_config.json: eos_token is 3");
});

/** A byte a token, and three special ones. `encode` begins with `<s>`, as many models expect. */
const specials = ["<s>", "</s>", "<|end|>"];
const tokenizer: Tokenizer & Required<Pick<Tokenizer, "encodeAlone">> = {
  vocab: 256 + specials.length,
  stopIds: [],
  encode: (text) => [256, ...tokenizer.encodeAlone(text)],
  encodeAlone: (text) =>
    text.split(/(<s>|<\/s>|<\|end\|>)/).flatMap((part) =>
      specials.includes(part) ? [256 + specials.indexOf(part)] : [...bytesOf(part)]
    ),
  decode: (ids) => new TextDecoder().decode(Uint8Array.from(ids.filter((id) => id < 256))),
};

Deno.test("the ids of a conversation are those of its text, with no other token around it", () => {
  const ids = formatOf(brackets).encode(tokenizer, talk);
  assertEquals(ids, tokenizer.encodeAlone(formatOf(brackets).render(talk)));
  assertEquals([ids[0], ids[1]], [256, "<".charCodeAt(0)]); // one <s>, the template's
});

Deno.test("the library's tokenizers leave out what they put around a text by themselves", async () => {
  const json = await trainTokenizer({ type: "byteLevelBpe", vocab: 270 }, "the cat sat on the mat ".repeat(20));
  const begin = { id: "<|endoftext|>", ids: [256], tokens: ["<|endoftext|>"] };
  const processor = {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: begin.id, type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [],
    special_tokens: { [begin.id]: begin },
  };
  const source = folder({ "tokenizer.json": { ...json, post_processor: processor } });
  const { encode, encodeAlone } = (await readTokenizer(source, {}))!;
  assertEquals(encode("the cat").length, encodeAlone!("the cat").length + 1);
  assertEquals(encode("the cat").slice(1), encodeAlone!("the cat"));
});

Deno.test("an answer ends at the special token that the template puts behind it, and at eos_token", () => {
  assertEquals(formatOf(turns).stopIds(tokenizer), [257, 258]);
  assertEquals(formatOf(brackets).stopIds(tokenizer), [257, 257]);
  const plain = templateFormat({ file: "f", templates: { default: "{{ messages[-1].content }}!" }, tokens: {} });
  assertEquals(plain.stopIds(tokenizer), []);
  // A template that refuses a conversation that is over has still its other token.
  const strict = "{% if messages[-1].role != 'user' %}{{ raise_exception('no') }}{% endif %}";
  assertEquals(formatOf(strict).stopIds(tokenizer), [257]);
});

Deno.test("without a template a conversation is a dialogue", () => {
  assertEquals(chatFormat(undefined), plainFormat);
  assertEquals(
    plainFormat.render(talk),
    "Speak like a pirate.\n\nUser: Hi\nAssistant: Ahoy!\nUser: Why {{ so }}?\nAssistant:",
  );
  assertEquals(plainFormat.encode(tokenizer, talk.slice(1, 2)), tokenizer.encode("User: Hi\nAssistant:"));
});

// ---- conversations --------------------------------------------------------------------------------------------------

const runtime = await createRuntime({ threads: 1 });
const sizes = { vocab: 259, context: 256, dim: 16, depth: 2, heads: 4 } as const;

/** A model that says one text after another, whatever its weights are. */
function parrot(texts: readonly string[], context = 256): Model {
  let answer = -1;
  const speak: Plugin = {
    name: "parrot",
    logits(logits, { tokens, promptLength }) {
      const at = tokens.length - promptLength;
      if (at === 0) answer++;
      logits.fill(-Infinity);
      logits[[...bytesOf(texts[answer % texts.length]), 257][at]] = 0;
    },
  };
  return createModel(runtime, { ...sizes, context }, { plugins: [speak] });
}

async function said(
  conversation: Conversation,
  content: string,
  options: Parameters<Conversation["say"]>[1] = {},
): Promise<Answer & { text: string }> {
  const pieces = conversation.say(content, options);
  let text = "";
  for (;;) {
    const { done, value } = await pieces.next();
    if (done) return { ...value, text };
    text += value;
  }
}

Deno.test("a conversation gives what generating from its whole text gives, and computes only what is new", async () => {
  // Letters alone: what is said and read again has the same ids.
  const letters: Plugin = { name: "letters", logits: (l) => void l.fill(-Infinity, 0, 97).fill(-Infinity, 123) };
  using model = createModel(runtime, sizes, { seed: 2, plugins: [letters] });
  const lines = "{% for m in messages %}{{ m.role }}: {{ m.content }}<|end|>{% endfor %}";
  const format = formatOf(`${lines}{% if add_generation_prompt %}assistant: {% endif %}`),
    options = { maxTokens: 6, seed: 40, samplers: [{ type: "topK", k: 20 }] } as const;
  using conversation = createConversation(model, tokenizer, format, { ...options, system: "Hm." });
  const messages: ChatMessage[] = [{ role: "system", content: "Hm." }];
  let known = 0;
  for (const [i, content] of ["One?", "Two?", "Three?"].entries()) {
    messages.push({ role: "user", content });
    const ids = format.encode(tokenizer, messages), stopIds = format.stopIds(tokenizer);
    let fresh = "";
    for await (const { text } of generateText(model, tokenizer, ids, { ...options, seed: 40 + i, stopIds })) {
      fresh += text;
    }
    assertEquals(await said(conversation, content), {
      text: fresh,
      reason: "length",
      positions: ids.length,
      known,
      tokens: 6,
      forgotten: 0,
    });
    messages.push({ role: "assistant", content: fresh });
    known = ids.length + 5; // the last token of the answer has not been run
  }
  assertEquals(conversation.messages, messages);
  conversation.reset();
  assertEquals(conversation.messages, [{ role: "system", content: "Hm." }]);
});

Deno.test("a conversation that fills the context forgets its oldest turns, not the system prompt", async () => {
  using model = parrot(["Yes.", "No."], 256);
  using conversation = createConversation(model, tokenizer, formatOf(brackets), { system: "S".repeat(20) });
  const lengths: number[] = [];
  let forgotten = 0;
  for (let i = 0; i < 12; i++) {
    const answer = await said(conversation, `Question ${i}?`);
    assertEquals([answer.text, answer.reason], [i % 2 ? "No." : "Yes.", "stop"]);
    forgotten += answer.forgotten;
    lengths.push(answer.positions);
    const { messages } = conversation;
    assertEquals(messages[0], { role: "system", content: "S".repeat(20) });
    assertEquals(messages.at(-2), { role: "user", content: `Question ${i}?` });
    assertEquals(messages.length + forgotten, 1 + 2 * (i + 1));
  }
  assert(forgotten > 0 && forgotten < 24);
  assert(lengths.every((n) => n <= 192), String(lengths)); // a quarter is left for the answer
  const drops = lengths.filter((n, i) => i > 0 && n < lengths[i - 1]);
  assert(drops.length > 0 && drops.every((n) => n <= 128), String(lengths)); // half of it, once it must be
  const kept = conversation.messages;
  const error = await assertRejects(() => said(conversation, "x".repeat(240)), RangeError);
  assertMatch(error.message, /^Cannot answer: the message takes \d+ tokens, the context is 256$/);
  assertEquals(conversation.messages, kept);
});

Deno.test("an interrupted answer keeps what was said; one without a word leaves no trace", async () => {
  using model = parrot(["A long answer.", "Another."]);
  using conversation = createConversation(model, tokenizer, formatOf(brackets));
  const stop = new AbortController(), pieces = conversation.say("Go on?", { signal: stop.signal });
  let text = "";
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    text += next.value;
    if (text === "A long") stop.abort(new Error("stop"));
  }
  assertEquals(conversation.messages.slice(1), [{ role: "assistant", content: "A long" }]);
  const never = AbortSignal.abort(new Error("at once")), kept = conversation.messages;
  assertEquals((await said(conversation, "And?", { signal: never })).reason, "interrupted");
  assertEquals(conversation.messages, kept);
  for await (const _ of conversation.say("Then?")) break; // nobody listens any more
  assertEquals(conversation.messages.slice(2), [
    { role: "user", content: "Then?" },
    { role: "assistant", content: "A" },
  ]);
});

Deno.test("a failing answer is an error and leaves no trace; the memory of a conversation is given back", async () => {
  const before = runtime.backend.memory.used;
  let fails = false;
  const failing: Plugin = {
    name: "failing",
    step({ step }) {
      if (fails && step === 2) throw new Error("oops");
    },
  };
  using model = createModel(runtime, sizes, { plugins: [failing] });
  const taken = runtime.backend.memory.used;
  const conversation = createConversation(model, tokenizer, plainFormat, { maxTokens: 5, stopIds: [0] });
  await said(conversation, "One?");
  const kept = conversation.messages;
  fails = true;
  await assertRejects(() => said(conversation, "Two?"), Error, "oops");
  assertEquals(conversation.messages, kept);
  conversation.close();
  assertEquals(runtime.backend.memory.used, taken);
  assert(taken > before);
});

Deno.test("a template that refuses conversations of this kind is reported before anything is said", () => {
  using model = createModel(runtime, sizes);
  const format = formatOf("{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}");
  assertThrows(
    () => createConversation(model, tokenizer, format, { system: "x" }),
    CheckpointError,
    "Cannot write the conversation by the chat template of f: no system role",
  );
  createConversation(model, tokenizer, format).close();
});

// ---- the loop -------------------------------------------------------------------------------------------------------

Deno.test("linesOf() gives lines however they arrive", async () => {
  const pieces = ["o", "ne\r\ntw", "o\n\nthr\u00e9", "e"].map(bytesOf);
  const lines = linesOf(ReadableStream.from(pieces) as ReadableStream<Uint8Array<ArrayBuffer>>), all = [];
  for (let line = await lines.next(); line !== undefined; line = await lines.next()) all.push(line);
  assertEquals(all, ["one", "two", "", "thrée"]);
});

/** A terminal at which `type` types; `undefined` is a Ctrl-C. */
function terminal(type: readonly (string | undefined)[], reads = true) {
  let out = "", interrupt = () => {}, at = 0;
  const notes: string[] = [];
  const end: ChatTerminal = {
    lines: {
      next() {
        if (type[at] !== undefined || at >= type.length) return Promise.resolve(type[at++]);
        return new Promise((resolve) => {
          const line = type.slice(at).find((l) => l !== undefined);
          const count = line === undefined ? type.length - at : type.indexOf(line, at) - at;
          at += count + 1;
          let left = count;
          const press = () => left-- > 0 ? (interrupt(), setTimeout(press)) : resolve(line);
          setTimeout(press);
        });
      },
    },
    typed: true,
    prompt: () => void (out += "> "),
    print: (text) => (out += text, reads),
    note: (line) => void notes.push(line),
    status: { show() {}, clear() {} },
    onInterrupt(f) {
      interrupt = f;
      return () => void (interrupt = () => {});
    },
  };
  return { end, notes, out: () => out, press: () => interrupt() };
}

Deno.test("the loop answers lines, obeys commands, and ends at the end of input", async () => {
  using model = parrot([" Yes.", "No."]);
  using conversation = createConversation(model, tokenizer, formatOf(brackets));
  const { end, notes, out } = terminal(["One?", "", "  ", "/help", "/what now", "//two", "/reset", "Three?"]);
  assertEquals(await chatLoop(conversation, end, true), 0);
  assertEquals(out(), "> Yes.\n> > > > > No.\n> > Yes.\n> ");
  assertMatch(notes[0], /^\d+ positions, 0 of them known; \d+ tokens in \d+\.\d s; ended by stop$/);
  assertStringIncludes(notes[1], "/reset");
  assertEquals(notes[2], "unknown command /what: /help lists them");
  assertEquals(notes.slice(4, 5), ["forgotten"]);
  assertEquals(conversation.messages[0].content, "Three?");
  assertEquals(await chatLoop(conversation, terminal(["/exit", "not said"]).end), 0);
  assertEquals(conversation.messages.length, 2);
  await chatLoop(conversation, terminal(["//four"]).end);
  assertEquals(conversation.messages[2].content, "/four");
});

Deno.test("Ctrl-C twice where one types ends the loop; once, or with a line in between, does not", async () => {
  using model = parrot(["Yes."]);
  using conversation = createConversation(model, tokenizer, formatOf(brackets));
  const twice = terminal([undefined, undefined, "not said"]);
  assertEquals(await chatLoop(conversation, twice.end), 130);
  assertEquals(conversation.messages, []);
  assertEquals(twice.notes.filter(Boolean), ["Ctrl-C again ends the program, and so do Ctrl-D and /exit"]);
  const once = terminal([undefined, "One?", undefined, "Two?"]);
  assertEquals(await chatLoop(conversation, once.end), 0);
  assertEquals(conversation.messages.length, 4);
});

Deno.test("Ctrl-C during an answer ends the answer alone", async () => {
  using model = parrot(["abcdefgh", "Fine."]);
  const one = terminal(["One?", "Two?"]);
  using conversation = createConversation(model, tokenizer, formatOf(brackets));
  const print = one.end.print;
  const end = { ...one.end, print: (text: string) => (text === "c" && one.press(), print(text)) };
  assertEquals(await chatLoop(conversation, end), 0);
  assertEquals(one.out(), "> abc\n> Fine.\n> ");
  assertEquals(conversation.messages[1].content, "abc");
});

Deno.test("a message that does not fit is refused and the loop goes on; nobody reading ends it", async () => {
  using model = parrot(["Yes."], 64);
  using conversation = createConversation(model, tokenizer, formatOf(brackets));
  const { end, notes, out } = terminal(["x".repeat(80), "Hi?"]);
  assertEquals(await chatLoop(conversation, end), 0);
  assertEquals(notes[0], "the message is longer than the context: nothing was said");
  assertEquals(out(), "> > Yes.\n> ");
  assertEquals(await chatLoop(conversation, terminal(["Hi?", "Ho?"], false).end), 0);
});

// ---- the command ----------------------------------------------------------------------------------------------------

const place = await Deno.makeTempDir();
globalThis.addEventListener("unload", () => Deno.removeSync(place, { recursive: true }));
// Takes its time.
await Deno.writeTextFile(
  `${place}/slow.ts`,
  `export const slow = {
    name: "slow",
    step: () => new Promise<void>((resolve) => setTimeout(resolve, 50)),
  };`,
);

function start(args: readonly string[], permissions = ["--allow-read"]): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...permissions, `${root}generate.ts`, ...args],
    cwd: place,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function chat(args: readonly string[], typed: string): Promise<{ code: number; out: string; err: string }> {
  const process = start(["--chat", ...args]), writer = process.stdin.getWriter();
  await writer.write(bytesOf(typed));
  await writer.close();
  const { code, stdout, stderr } = await process.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("generate.ts --chat answers the lines of standard input, without a model of one's own too", async () => {
  const options = ["--seed", "3", "--max-tokens", "12", "--stats"];
  const one = await chat(options, "Tell me a story.\n/reset\nTell me a story.\n/exit\nnot said\n");
  assertEquals(one.code, 0, one.err);
  assertEquals(one.out.split("\n").length, 3 + (one.out.match(/\n\n/g)?.length ?? 0));
  assertMatch(one.err, /^note: the model has no chat template: [^\n]+\n\d+ positions, 0 of them known; /);
  assertMatch(one.err, /\nforgotten\n(\d+) positions, \d+ of them known; /);
  assertEquals(await chat(options, "Tell me a story.\n/reset\nTell me a story.\n").then((r) => r.out), one.out);
});

Deno.test("generate.ts --chat speaks by the template of a folder", async () => {
  const json = await trainTokenizer({ type: "byteLevelBpe", vocab: 258 }, "ab ab");
  const files = { ...llamaFolder({ vocab_size: 258, max_position_embeddings: 200 }) };
  files["model.safetensors"] = safetensors({ ...llamaShapes, "model.embed_tokens.weight": [258, 8] });
  files["tokenizer.json"] = bytesOf(JSON.stringify(json));
  const settings = (chat_template: string) => bytesOf(JSON.stringify({ chat_template, eos_token: "<|endoftext|>" }));
  await Deno.mkdir(`${place}/folder`, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(`${place}/folder/${name}`, bytes);
  const args = ["--model", "folder", "--max-tokens", "3", "--stats", "--system", "Be kind."];
  await Deno.writeFile(
    `${place}/folder/tokenizer_config.json`,
    settings("{{ messages[0].content }}{{ messages | length }}"),
  );
  const { code, err } = await chat(args, "Hi\n");
  assertEquals(code, 0, err);
  assertMatch(err, /^9 positions, 0 of them known; \d tokens in \d\.\d s; ended by (length|stop)\n$/);
  await Deno.writeFile(`${place}/folder/tokenizer_config.json`, settings("{{ raise_exception('no such role') }}"));
  assertEquals(await chat(args, "Hi\n"), {
    code: 1,
    out: "",
    err: "generate.ts: Cannot write the conversation by the chat template of tokenizer_config.json: no such role\n",
  });
});

Deno.test("generate.ts --chat: Ctrl-C ends the answer, and twice in a row the program", async () => {
  const process = start(["--chat", "--use", "./slow.ts", "--seed", "1", "--stats"]);
  const typing = process.stdin.getWriter(), reader = process.stdout.getReader(), errors = process.stderr.getReader();
  let out = "", err = "";
  const until = async (enough: () => boolean) => {
    while (!enough()) {
      const { done, value } = await reader.read();
      if (done) break;
      out += new TextDecoder().decode(value);
    }
  };
  const noted = async (text: string) => {
    while (!err.includes(text)) {
      const { done, value } = await errors.read();
      if (done) break;
      err += new TextDecoder().decode(value);
    }
    assertStringIncludes(err, text);
    err = err.slice(err.indexOf(text) + text.length);
  };
  for (const line of ["Tell me a story.\n", "Another one?\n"]) {
    out = "";
    await typing.write(bytesOf(line));
    await until(() => out.length > 10);
    process.kill("SIGINT");
    await noted("ended by interrupted\n");
    await until(() => out.endsWith("\n"));
  }
  process.kill("SIGINT");
  await noted("Ctrl-C again ends the program");
  process.kill("SIGINT");
  const { code } = await process.status;
  assertEquals(code, 130);
  await typing.close().catch(() => {});
  await reader.cancel();
  await errors.cancel();
});

Deno.test("generate.ts refuses flags that do not go with --chat", async () => {
  for (
    const [args, message] of [
      [["--chat", "--prompt", "x"], "--chat and --prompt are both given, expected one of them"],
      [["--chat", "--json"], "--chat and --json are both given, expected one of them"],
      [["--system", "x"], "--system is given without --chat, expected both or neither"],
    ] as const
  ) {
    const process = start(args, []);
    await process.stdin.close();
    const { code, stderr } = await process.output();
    assertEquals([code, new TextDecoder().decode(stderr)], [
      2,
      `generate.ts: ${message}\nSee generate.ts --help.\n`,
    ]);
  }
});
