"""The only place that renders a prompt.

It is what the Gemma 3 chat template gives for a system and a user message (Gemma 3 has no system turn: the system text
goes before the user's, with two newlines between), so that a model trained here answers in Google's Emoji-Gemma-on-Web
apps and theirs answer here. `golden_prompts.json` beside this file holds Python and TypeScript together.
"""

from __future__ import annotations

from pocketmoji.core.text.plain import plain

SYSTEM = "Translate this text to emoji: "
BOS = "<bos>"
START_OF_TURN = "<start_of_turn>"
END_OF_TURN = "<end_of_turn>"
USER, END, ANSWER = f"{START_OF_TURN}user\n", f"{END_OF_TURN}\n", f"{START_OF_TURN}model\n"


def messages(text: str) -> list[dict[str, str]]:
    """The same prompt as chat messages, for runtimes that apply a template themselves."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]


def render(text: str) -> str:
    """The prompt for `text` as it stands, beginning with <bos> and ending where the model's answer begins.

    Tokenise it with add_special_tokens=False: the <bos> is in it already.
    """
    return f"{BOS}{USER}{SYSTEM}\n\n{text.strip()}{END}{ANSWER}"


def asked(text: str) -> str:
    """The prompt that a model of ours is asked with, however a person typed `text`."""
    return render(plain(text))


# What the -it checkpoint's template does with the turns that we use; given to checkpoints that carry no template.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{%- if messages[0]['role'] == 'system' -%}"
    "{%- set prefix = messages[0]['content'] + '\n\n' -%}{%- set turns = messages[1:] -%}"
    "{%- else -%}{%- set prefix = '' -%}{%- set turns = messages -%}{%- endif -%}"
    "{%- for message in turns -%}"
    "{%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}"
    "{{ '<start_of_turn>' + role + '\n' + (prefix if loop.first else '') + (message['content'] | trim)"
    " + '<end_of_turn>\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<start_of_turn>model\n' }}{%- endif -%}"
)

# For chats that send the phrase alone (llama.cpp, LM Studio): the system text is ours unless one is sent, and what was
# said before is left out, since every phrase is translated by itself.
PHRASE_TEMPLATE = (
    "{%- if messages[0]['role'] == 'system' -%}{%- set system = messages[0]['content'] -%}"
    f"{{%- else -%}}{{%- set system = {SYSTEM!r} -%}}{{%- endif -%}}"
    f"{{{{ bos_token + {USER!r} + system + '\\n\\n' + (messages[-1]['content'] | trim) + {END!r} }}}}"
    f"{{%- if add_generation_prompt -%}}{{{{ {ANSWER!r} }}}}{{%- endif -%}}"
)

# The same as Go's template, for Ollama, which puts <bos> before it itself.
OLLAMA_TEMPLATE = (
    "{{- range $i, $_ := .Messages }}{{- if eq (len (slice $.Messages $i)) 1 }}"
    f"{USER}{{{{ if $.System }}}}{{{{ $.System }}}}{{{{ else }}}}{SYSTEM}{{{{ end }}}}\n\n"
    f"{{{{ .Content }}}}{END}{ANSWER}{{{{ end }}}}{{{{ end }}}}"
)
