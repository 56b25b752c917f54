/** A server shaped like the Hugging Face hub, which can be told to behave badly. */
import { createHash } from "node:crypto";

/** Files by name. */
export type HubFiles = Readonly<Record<string, Uint8Array<ArrayBuffer>>>;

/** How it behaves. */
export interface Behaviour {
  /** Connections break after so many bytes of a file. */
  cut?: number;
  /** Connections hang after so many bytes of a file. */
  hang?: number;
  /** Ranges are ignored. */
  noRanges?: boolean;
  /** Sizes are not announced. */
  noLength?: boolean;
  /** What is sent in place of a file. */
  sends?: (name: string, bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
  /** What is listed in place of an entry. */
  lists?: (entry: Record<string, unknown>) => Record<string, unknown>;
  /** Answers of its own. */
  answers?: (request: Request, path: string) => Response | Promise<Response> | undefined;
  /** Files that come from another host by a redirect. */
  elsewhere?: boolean;
}

/** A hub with one model `org/name`. */
export interface HubServer extends AsyncDisposable {
  readonly endpoint: string;
  /** Every request: `GET /path bytes=5- token`. */
  readonly log: string[];
  /** Bytes of files that were sent. */
  sent: number;
  behaviour: Behaviour;
  /** What revisions stand for. */
  readonly revisions: Record<string, string>;
  /** Files of commits. */
  readonly commits: Record<string, HubFiles>;
}

/** Hash of the git blob with these bytes. */
export function blobHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** SHA-256 of bytes. */
export function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A hash of a commit: forty digits. */
export function commitOf(digit: string): string {
  return digit.repeat(40);
}

/** Opens a hub whose `main` has `files`. */
export function openHub(files: HubFiles, behaviour: Behaviour = {}): HubServer {
  const log: string[] = [],
    note = (request: Request, path: string) => {
      const { headers } = request;
      log.push(
        [`${request.method} ${path}`, headers.get("range"), headers.get("authorization")].filter(Boolean).join(" "),
      );
    };
  const quiet = { hostname: "127.0.0.1", port: 0, onListen() {}, onError: () => new Response(null, { status: 500 }) };
  const other = Deno.serve(quiet, (request) => {
    const { pathname } = new URL(request.url);
    note(request, `elsewhere${pathname}`);
    return send(request, pathname.slice(1));
  });
  const server = Deno.serve(quiet, (request) => {
    const { pathname } = new URL(request.url), path = decodeURIComponent(pathname);
    note(request, path);
    return hub.behaviour.answers?.(request, path) ?? answer(request, path);
  });
  const address = (s: Deno.HttpServer<Deno.NetAddr>) => `http://127.0.0.1:${s.addr.port}`;
  const hub: HubServer = {
    endpoint: address(server),
    log,
    sent: 0,
    behaviour,
    revisions: { main: commitOf("a") },
    commits: { [commitOf("a")]: files },
    async [Symbol.asyncDispose]() {
      await Promise.all([server.shutdown(), other.shutdown()]);
    },
  };
  return hub;

  function answer(request: Request, path: string): Response {
    const failing = (code: string, error: string) =>
      Response.json({ error }, { status: 404, headers: { "x-error-code": code } });
    const api = path.match(/^\/api\/models\/org\/name\/(revision|tree)\/(.+)$/);
    if (api?.[1] === "revision") {
      const sha = hub.revisions[api[2]] ?? (hub.commits[api[2]] && api[2]);
      if (!sha) return failing("RevisionNotFound", `Invalid rev id: ${api[2]}`);
      return Response.json({ _id: "1", id: "org/name", sha, private: false, lastModified: "2026-01-01T00:00:00.000Z" });
    }
    if (api) return list(request, api[2]);
    const file = path.match(/^\/org\/name\/resolve\/([0-9a-f]{40})\/(.+)$/);
    if (!file) return failing("RepoNotFound", "Repository not found");
    if (!hub.behaviour.elsewhere) return send(request, `${file[1]}/${file[2]}`);
    return Response.redirect(`${address(other)}/${file[1]}/${encodeURIComponent(file[2])}`);
  }

  /** Three entries a page. */
  function list(request: Request, commit: string): Response {
    const entries = Object.entries(hub.commits[commit]).map(([path, bytes]) => {
      const large = /\.(safetensors|gguf|bin)$/.test(path), oid = large ? sha256Of(bytes) : blobHash(bytes);
      const entry = { type: "file", path, size: bytes.length, oid: large ? blobHash(bytes.subarray(0, 5)) : oid };
      return large ? { ...entry, lfs: { oid, size: bytes.length, pointerSize: 134 } } : entry;
    });
    const all = [{ type: "directory", path: "onnx", size: 0, oid: commitOf("0") }, ...entries];
    const url = new URL(request.url), page = Number(url.searchParams.get("cursor") ?? 0);
    url.searchParams.set("cursor", String(page + 1));
    const more = 3 * (page + 1) < all.length;
    return Response.json(
      all.slice(3 * page, 3 * page + 3).map((entry) => hub.behaviour.lists?.(entry) ?? entry),
      { headers: more ? { link: `<${url}>; rel="next"` } : {} },
    );
  }

  function send(request: Request, path: string): Response {
    const [commit, name] = decodeURIComponent(path).split("/"),
      { cut, hang, noRanges, noLength, sends } = hub.behaviour;
    const own = hub.commits[commit][name], bytes = sends?.(name, own) ?? own;
    const start = noRanges ? undefined : request.headers.get("range")?.match(/^bytes=(\d+)-$/)?.[1];
    const from = Number(start ?? 0), rest = bytes.subarray(from);
    if (start !== undefined && from >= bytes.length) {
      return new Response(null, { status: 416, headers: { "content-range": `bytes */${bytes.length}` } });
    }
    const end = Math.min(rest.length, cut ?? Infinity, hang ?? Infinity);
    hub.sent += end;
    let at = 0, release = () => {};
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        if (at < end) return controller.enqueue(rest.slice(at, at = Math.min(end, at + 700)));
        if (end === rest.length) return controller.close();
        if (hang === undefined) return controller.error(new Error("cut"));
        await new Promise<void>((resolve) => release = resolve);
      },
      cancel: () => release(),
    });
    const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    return new Response(body, {
      status: start === undefined ? 200 : 206,
      headers: {
        ...(noLength ? {} : { "content-length": String(rest.length) }),
        ...(start === undefined ? {} : { "content-range": noLength ? range.replace(/\d+$/, "*") : range }),
      },
    });
  }
}
