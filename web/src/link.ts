/** A structure in the address of the page: `#s=<deflated, base64url>&n=<file name>`, and what was assumed of it. */
import type { Options, Source } from "./api";

const LONGEST = 32_000; // characters: what mail programs and chats still carry
const LARGEST = 4_000_000; // bytes unpacked: a link is not to fill the memory

async function through(data: Blob, stream: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  const reader = data.stream().pipeThrough(stream as ReadableWritablePair<Uint8Array, Uint8Array>).getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > LARGEST) throw new Error("the link holds more than a structure");
    parts.push(value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Return the hash of a structure, or null where it would be too long for a link. */
export async function pack(source: Source, options: Options): Promise<string | null> {
  if (source.text.size > LARGEST) return null;
  const bytes = await through(source.text, new CompressionStream("deflate"));
  if (bytes.length > LONGEST) return null;
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  const text = btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const assumed = [
    options.model && `&model=${encodeURIComponent(options.model)}`,
    options.metal && "&metal=1",
    options.isotopes.length > 0 && `&isotopes=${encodeURIComponent(options.isotopes.join(","))}`,
  ];
  return [`#s=${text}&n=${encodeURIComponent(source.name)}`, ...assumed.filter(Boolean)].join("");
}

/** Return the structure of a hash and what is assumed of it, or null where it holds none. */
export async function unpack(hash: string): Promise<{ source: Source; options: Options } | null> {
  const fields = new URLSearchParams(hash.slice(1));
  const packed = fields.get("s");
  if (!packed) return null;
  const binary = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0));
  const text = await through(new Blob([bytes]), new DecompressionStream("deflate"));
  return {
    source: { name: fields.get("n") || "structure.cif", text: new Blob([text as BlobPart]) },
    options: {
      model: fields.get("model") ?? "",
      metal: fields.has("metal"),
      isotopes: fields.get("isotopes")?.split(",").filter(Boolean) ?? [],
    },
  };
}
