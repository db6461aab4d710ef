import type { z } from 'zod';

export type ParsedOutput<T> = { ok: true; value: T } | { ok: false; problems: string };

const PROBLEMS_MAX = 20;

/** Parses the model's text with the schema. `problems` is meant for the model only: it may repeat words of the answer. */
export function parseOutput<T>(text: string, schema: z.ZodType<T>): ParsedOutput<T> {
  let json: unknown;
  try {
    json = JSON.parse(withoutFence(text));
  } catch {
    return { ok: false, problems: 'The answer is not one valid JSON value.' };
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return { ok: true, value: parsed.data };
  const lines = parsed.error.issues
    .slice(0, PROBLEMS_MAX)
    .map((issue) => `- ${issue.path.map(String).join('.') || '(whole answer)'}: ${issue.message}`);
  return { ok: false, problems: lines.join('\n') };
}

/** Servers that do not enforce a schema often wrap the JSON into a Markdown code block. */
function withoutFence(text: string): string {
  const match = /^\s*```(?:json)?\s*\n([\s\S]*?)\n\s*```\s*$/i.exec(text);
  return match?.[1] ?? text;
}

export function repairMessage(problems: string): string {
  return `Your answer does not have the required form:\n${problems}\n\nGive the whole answer again, corrected, as JSON only.`;
}
