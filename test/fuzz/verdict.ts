/**
 * What counts as an answer: a value, or one of the reader's own errors with a sentence that a person can read. A
 * library's or the engine's words in it show that something was used before it was checked.
 */
export type Verdict = 'accepted' | 'rejected' | { fault: string };

const maxMessageLength = 1_500;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlCharacters = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
const internals =
  /Cannot read propert|Cannot convert|is not a function|not iterable|call stack|allocation failed|Invalid (array|typed array|string length|count)|out of bounds|out of memory|unreachable|\bundefined\b|\bNaN\b|\[object|ERR_[A-Z]+|null pointer/;

export function verdictOf(error: unknown, isAnswer: (error: unknown) => boolean): Verdict {
  if (!(error instanceof Error)) return { fault: `threw ${typeof error} ${String(error)}` };
  const { name, message } = error;
  if (!isAnswer(error)) return { fault: `${name} is none of its errors: ${error.stack ?? message}` };
  if (controlCharacters.test(message)) return { fault: `control characters: ${JSON.stringify(message)}` };
  if (message.length > maxMessageLength)
    return { fault: `a message of ${message.length} characters: ${message.slice(0, 200)}` };
  if (internals.test(message.replaceAll('received undefined', '')))
    return { fault: `unclear: ${message} ${error.stack ?? ''}` };
  return 'rejected';
}
