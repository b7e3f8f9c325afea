// Server-sent events over fetch: the browser's own EventSource cannot send a token.

export interface Message {
  id: string;
  event: string;
  data: string;
}

export async function* messages(response: Response): AsyncGenerator<Message> {
  if (!response.body) return;
  let text = "";
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (text + value.replaceAll("\r\n", "\n")).split("\n\n");
      text = blocks.pop() ?? "";
      yield* blocks.map(parse);
    }
  } finally {
    await reader.cancel();
  }
}

/** Read one block of lines; a line that begins with a colon is a heartbeat. */
function parse(block: string): Message {
  const message: Message = { id: "", event: "message", data: "" };
  for (const line of block.split("\n")) {
    const [, field, value] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
    if (field === "data") message.data += message.data ? `\n${value}` : value;
    else if (field === "id" || field === "event") message[field] = value ?? "";
  }
  return message;
}
