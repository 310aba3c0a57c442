"""Renders templates with Jinja2 as transformers sets it up, and writes what comes out: python3 goldens.py > goldens.json

The templates are made up for this file; they use what published chat templates use. Needs jinja2 alone.
"""
import itertools
import json
import sys

import jinja2
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_inside"), [], [], body).set_lineno(line)

    def _inside(self, caller):
        return caller()


def refuse(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = refuse

user = {"role": "user", "content": "  What is 2 + 2?\n"}
assistant = {"role": "assistant", "content": "It is \U0001f600 4.\t"}
system = {"role": "system", "content": "Be 'brief' and \"kind\"."}
short = [user]
talks = [[], [user], [system, user], [user, assistant], [system, user, assistant, {"role": "user", "content": "And\u00a03?"}],
         [user, assistant, user, assistant], [user, user], [{"role": "tool", "content": "x"}]]

# expressions, each printed for the conversation [system, user, assistant]
expressions = r"""
1 + 2 * 3 - 4 // 3 % 5
7 / 2
-7 // 2
-7 % 3
7.5 % -2
2 ** 10
2 ** -1
1e3
1_000 + 0.5
1e16
1.0
0.1 + 0.2
123456789012345.0
1e-5
-1 | abs
1 == 1.0, true == 1, 'a' == 'a', [1] == [1.0], (1,) == [1], none == false
'a' < 'b' < 'c', 2 > 1 >= 1, not 1 < 1
1 in [1, 2], 'b' not in 'abc', 'role' in messages[0], 'x' in messages[0]
true and 0 or 'x'
none or [] or '' or 'end'
not none and not false
'a' ~ 1 ~ none ~ true ~ 1.5 ~ [1, 'b'] ~ {'k': none}
'a' 'b' "c"
'tab\tline\nquote\' \x41 \u00e9 back\\slash \q'
"it's"
['it\'s', 'a"b', 'both \' "', 'line\n', '\x07 \u00a0 \u2028 \u00e9 \U0001F600']
(1,)
()
(1, 'a'), [(), []], {}
1, 2
'abc'[0] ~ 'abc'[-1] ~ 'abc'[1:] ~ 'abc'[::-1] ~ 'abc'[-2:5] ~ 'abcdef'[1:5:2] ~ 'abcdef'[5:1:-2]
'a😀b'|length, 'a😀b'[1], 'a😀b'[::-1]
messages[1:]|length, messages[::2]|map(attribute='role')|list, messages[5:], messages[-1].role
messages[0].content, messages[0]['role'], messages[0].get('role'), messages[0].get('nothing'), messages[0].get('nothing', 'd')
messages[9] is defined, nothing is defined, messages[0].nothing is defined, messages is undefined
nothing, nothing|length, nothing|list, nothing|default('d'), ''|default('d'), ''|default('d', true), none|default('d'), nothing|d
'%s' is string, 1 is string, {} is mapping, [] is iterable, 'a' is iterable, 1 is iterable, [] is sequence, none is none, 1 is number, true is number, 1 is integer, true is integer, 1.0 is float, false is boolean
1 is odd, 2 is even, 9 is divisibleby 3, 9 is divisibleby(2), 1 is eq 1, 1 is ne(1), 2 is gt 1, 1 is in [1], none is sameas none, true is true, 1 is true, false is false
'aB' is lower, 'ab' is lower, 'AB' is upper, range is callable, 1 is not odd, not 1 is odd
'  x \x1c\n'|trim, '  x '.strip(), 'xxaxx'.strip('x'), '  x '.lstrip() ~ '|', '  x '.rstrip() ~ '|', 'xay'|trim('xy')
'a,b,,c'.split(','), ' a  b '.split(), 'a,b,c'.split(',', 1), 'a,b,c'.rsplit(',', 1), 'a\nb\r\nc\n'.splitlines(), 'a</think>b'.split('</think>')[-1]
'abc'.startswith('ab'), 'abc'.endswith(('x', 'bc')), 'abc'.upper(), 'ABC'.lower(), 'hello wORLD it\'s'.title(), 'hELLO'.capitalize()
'aXbX'.replace('X', '-'), 'aXbX'.replace('X', '-', 1), 'aXbX'|replace('X', ''), ', '.join(['a', 'b']), ['a', 1, none]|join('-'), ['', 'a', '']|join(','), [1, 2]|join
'abcabc'.find('c'), 'abc'.find('x'), 'abcabc'.count('b'), 'prefix'.removeprefix('pre'), 'prefix'.removesuffix('fix'), '12'.isdigit(), 'ab'.isalpha(), ' '.isspace()
'abc'|first, 'abc'|last, [1, 2]|first, []|first, [3, 4]|last, 'abc'|reverse, [1, 2]|reverse|list
'abc'|upper, 'ABC'|lower, 'hello there'|capitalize, 'hello there'|title, 12|string, [1, 2]|string, 'abc'|list
'12'|int, 'x'|int, 'x'|int(7), '1.9'|float, 1.9|int, -1.9|int, true|int, 3|float, 'x'|float
{'a': 1, 'b': 2}|items|list, {'a': 1}.items()|list, {'a': 1}.keys()|list, {'a': 1}.values()|list, {'a': 1}|length, {'a': 1}|list
'a\nb\n\nc'|indent, 'a\nb'|indent(2, true), 'a\n\nb'|indent(2, blank=true), 'a\nb'|indent('> ')
messages|selectattr('role', 'equalto', 'user')|list|length, messages|rejectattr('role', 'equalto', 'user')|map(attribute='role')|join(','), messages|selectattr('nothing')|list, [0, 1, 2]|select|list, [1, 2, 3]|select('odd')|list, [1, 2, 3]|reject('gt', 2)|list, ['a', 'b']|map('upper')|list
[{'a': 1}, {}]|map(attribute='a', default=0)|list
{'a': [1, 2.5, none, true, 'é"\n\x01'], 'b': {}, 'c': []}|tojson
{'a': [1, {'b': 2}], 'b': {}}|tojson(indent=4)
'x'|tojson, none|tojson, messages|tojson
range(3)|list, range(1, 4)|list, range(5, 0, -2)|list
dict(a=1, b='x'), namespace(a=1).a
'x' if true else 'y', 'x' if false else 'y', ('x' if false) is defined, 'a' if 0 else 'b' if 0 else 'c'
[1, 2, 3,], {'a': 1,}, {'a': {'b': {}}}
'a' * 3, [1] + [2], (1,) + (2,)
(messages|length) * 2 + 1
messages | length > 2 and messages[0].role == "system"
bos_token + eos_token, bos_token is defined, pad_token is defined, tools is none, tools, documents is defined, add_generation_prompt
(1 + 2) * 3, -(1), +1, - 1 + 3, 2 - -1
[messages[0]['content'], messages | last]
'x'|safe
'{{ not a tag }}', "{% nor this %}"
{'role': 'x'}.role, {'role': 'x'}['role']
""".strip("\n").split("\n")

templates = {
    "trim blocks": "a\n  {% if true %}\n  b\n  {% endif %}\n c {% if true %} d {% endif %}\n\n e\n",
    "minus": "a \n {%- if true -%} \n b \n {%- endif -%} \n c {{- ' x ' -}} \n d",
    "plus": "a\n  {%+ if true +%}\n  b\n{% endif +%}\nc",
    "comments": "a {# one #} b\n  {# two #}\nc {#- three -#} d\n{#+ four +#}\ne",
    "print keeps newlines": "a\n  {{ 'x' }}\n  {{ 'y' }}\nb\n\n",
    "one newline at the end": "a\n",
    "crlf": "a\r\n{% if true %}\r\nb\r\n{% endif %}\r\nc\rd",
    "braces": "{ a } {'b'} {{ {'c': {'d': 1}} }} {{'}}'}} { % x % } {",
    "tag at line start after tag": "{% if true %}\n    {% if true %}\n  x\n    {% endif %}\n{% endif %}\n  {% set y = 1 %}  z",
    "blank before print": "   {{ 1 }}   {% if true %}   {% endif %}   x",
    "for else": "{% for m in messages %}{{ loop.index }}/{{ loop.length }}{{ m.role }},{% else %}none{% endfor %}",
    "loop": "{% for m in messages %}{{ [loop.index0, loop.revindex, loop.revindex0, loop.first, loop.last, loop.cycle('a', 'b')] }}{{ loop.previtem.role if not loop.first }}{{ loop.nextitem is defined }};{% endfor %}",
    "loop if": "{% for m in messages if m.role != 'system' %}{{ loop.index0 }}{{ m.role }}{% endfor %}",
    "loop scope": "{% set x = 1 %}{% for m in messages %}{{ x }}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
    "namespace": "{% set ns = namespace(n=0, s='') %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% set ns.s = ns.s ~ m.role[0] %}{% endfor %}{{ ns.n }}{{ ns.s }}{{ ns.nothing is defined }}",
    "unpack": "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}{% set a, b = [1, 2] %}{{ a }}{{ b }}{% set (c, d) = (3, 4) %}{{ c }}{{ d }}",
    "set block": "{% set x %}\n  a{{ messages|length }}\n{% endset %}[{{ x }}]",
    "elif": "{% for m in messages %}{% if m.role == 'system' %}S{% elif m.role == 'user' %}U{% elif m.role == 'assistant' %}A{% else %}?{% endif %}{% endfor %}",
    "macro": "{% macro turn(m, end='!', mark='') %}<{{ m.role }}>{{ m.content|trim }}{{ end }}{{ mark }}{% endmacro %}{% for m in messages %}{{ turn(m) }}{{ turn(m, mark='*', end='?') }}{% endfor %}",
    "macro of macro": "{% macro a(x) %}[{{ x }}]{% endmacro %}{% macro b(x) %}{{ a(x) ~ a(x) }}{% endmacro %}{{ b('y')|upper }}",
    "break": "{% for m in messages %}{% if loop.index0 == 1 %}{% break %}{% endif %}{{ m.role }}{% endfor %}|{% for m in messages %}{% if m.role == 'user' %}{% continue %}{% endif %}{{ m.role }}{% endfor %}",
    "generation": "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{{ eos_token }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}",
    "refuses": "{% for m in messages %}{% if m.role not in ['system', 'user', 'assistant'] %}{{ raise_exception('Unknown role: ' + m.role) }}{% endif %}{{ m.role }}{% endfor %}",
    "alternates": "{% for m in messages %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Roles must alternate') }}{% endif %}{{ m['content'] }}{% endfor %}",
    "bracketed like the first of its family": "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<S>>\\n' + system_message + '\\n<</S>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[I] ' + content.strip() + ' [/I]' }}{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
    "headers": "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start|>' + message['role'] + '<|end|>\n\n'+ message['content'] | trim + '<|eot|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant<|end|>\n\n' }}{% endif %}",
    "default system and tools": "{%- if tools %}\n    {{- '<|im_start|>system\\n' }}\n    {%- for tool in tools %}\n        {{- \"\\n\" }}\n        {{- tool | tojson }}\n    {%- endfor %}\n{%- else %}\n    {%- if messages and messages[0]['role'] == 'system' %}\n        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}\n    {%- else %}\n        {{- '<|im_start|>system\\nYou help.<|im_end|>\\n' }}\n    {%- endif %}\n{%- endif %}\n{%- for message in messages %}\n    {%- if (message.role == \"user\") or (message.role == \"system\" and not loop.first) or (message.role == \"assistant\" and not message.tool_calls) %}\n        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n    {%- elif message.role == \"assistant\" %}\n        {{- '<|im_start|>' + message.role }}\n    {%- elif message.role == \"tool\" %}\n        {%- if (loop.index0 == 0) or (messages[loop.index0 - 1].role != \"tool\") %}\n            {{- '<|im_start|>user' }}\n        {%- endif %}\n        {{- '\\n<r>\\n' }}\n        {{- message.content }}\n        {{- '\\n</r>' }}\n        {%- if loop.last or (messages[loop.index0 + 1].role != \"tool\") %}\n            {{- '<|im_end|>\\n' }}\n        {%- endif %}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n' }}\n{%- endif %}\n",
    "dates and parts": "{{- bos_token }}\n{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n        {%- set date_string = strftime_now(\"%d %b %Y\") %}\n    {%- else %}\n        {%- set date_string = \"26 Jul 2024\" %}\n    {%- endif %}\n{%- endif %}\n{%- if messages and messages[0]['role'] == 'system' %}\n    {%- if messages[0]['content'] is string %}\n        {%- set system_message = messages[0]['content']|trim %}\n    {%- else %}\n        {%- set system_message = messages[0]['content'][0]['text']|trim %}\n    {%- endif %}\n    {%- set messages = messages[1:] %}\n{%- else %}\n    {%- set system_message = \"\" %}\n{%- endif %}\n{{- \"<|h|>system<|/h|>\\n\\n\" }}\n{{- \"Today: \" + date_string + \"\\n\\n\" }}\n{{- system_message }}\n{{- \"<|eot|>\" }}\n{%- for message in messages %}\n    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}\n        {{- '<|h|>' + message['role'] + '<|/h|>\\n\\n'+ message['content'] | trim + '<|eot|>' }}\n    {%- elif message.role == \"tool\" or message.role == \"ipython\" %}\n        {{- \"<|h|>ipython<|/h|>\\n\\n\" }}\n        {%- if message.content is mapping or (message.content is iterable and message.content is not string) %}\n            {{- message.content | tojson }}\n        {%- else %}\n            {{- message.content }}\n        {%- endif %}\n    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|h|>assistant<|/h|>\\n\\n' }}\n{%- endif %}\n",
    "last of the user, thoughts taken out": "{%- set ns = namespace(multi=true, last=messages|length - 1) %}\n{%- for message in messages[::-1] %}\n    {%- set index = (messages|length - 1) - loop.index0 %}\n    {%- if ns.multi and message.role == \"user\" and message.content is string and not(message.content.startswith('<r>') and message.content.endswith('</r>')) %}\n        {%- set ns.multi = false %}\n        {%- set ns.last = index %}\n    {%- endif %}\n{%- endfor %}\n{%- for message in messages %}\n    {%- if message.content is string %}\n        {%- set content = message.content %}\n    {%- else %}\n        {%- set content = '' %}\n    {%- endif %}\n    {%- if message.role == \"assistant\" and '</think>' in content %}\n        {%- set content = content.split('</think>')[-1].lstrip('\\n') %}\n    {%- endif %}\n    {{- loop.index0 > ns.last or (loop.last and content) }}{{ content.lstrip() }}\n{%- endfor %}",
    "first system prefix": "{{ bos_token }}{%- if messages and messages[0]['role'] == 'system' -%}\n    {%- set first_user_prefix = messages[0]['content'] + '\n\n' -%}\n    {%- set loop_messages = messages[1:] -%}\n{%- else -%}\n    {%- set first_user_prefix = \"\" -%}\n    {%- set loop_messages = messages -%}\n{%- endif -%}\n{%- for message in loop_messages -%}\n    {%- if (message['role'] == 'assistant') -%}\n        {%- set role = \"model\" -%}\n    {%- else -%}\n        {%- set role = message['role'] -%}\n    {%- endif -%}\n    {{ '<turn>' + role + '\n' + (first_user_prefix if loop.first else \"\") }}\n    {%- if message['content'] is string -%}\n        {{ message['content'] | trim }}\n    {%- else -%}\n        {{ raise_exception(\"Invalid content type\") }}\n    {%- endif -%}\n    {{ '</turn>\n' }}\n{%- endfor -%}\n{%- if add_generation_prompt -%}\n    {{'<turn>model\n'}}\n{%- endif -%}\n",
}
# each ends with an error in Jinja2, too
broken = [
    "{% if true %}", "{{ 1 +", "{% endif %}", "{{ 'a", "{# a", "{% for x in %}{% endfor %}", "{% unknown %}", "{{ x | unknown }}", "{{ x is unknown }}",
    "{{ nothing.member }}", "{{ nothing + 1 }}", "{{ nothing() }}", "{{ 1 + 'a' }}", "{{ 'a' + 1 }}", "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ [1] + (1,) }}",
    "{{ 1|length }}", "{{ 1 < 'a' }}", "{{ 1 in 'a' }}", "{{ 1 in 1 }}", "{{ none[0].x }}", "{% for x in 1 %}{% endfor %}", "{% set a, b = [1] %}", "{% set x.y = 1 %}",
    "{{ nothing|tojson }}", "{{ '-'.join([1]) }}", "{{ range(1, 2, 0) }}", "{{ 'abc'[::0] }}", "{{ 'a'.nothing() }}", "{{ messages[0].nothing() }}", "{{ messages.append(1) }}",
    "{{ 'a'()", "{{ 'a'() }}", "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "{% macro f(a) %}{% endmacro %}{{ f(b=1) }}", "{{ a b }}", "{{ }}", "{% set = 1 %}", "{{ 1 if }}",
    "{% for m in messages %}{% endif %}{% endfor %}", "{{ messages[99].role }}", "{{ raise_exception('no') }}", "{{ 'a' not 'b' }}", "{{ [1, }}", "{{ {'a'} }}", "{{ f(a=1, 2) }}",
]


def render(text, messages, generate):
    try:
        template = environment.from_string(text)
        return {"text": template.render(messages=messages, tools=None, documents=None, add_generation_prompt=generate, bos_token="<s>", eos_token="</s>")}
    except Exception:
        return {"error": True}


def case(name, text, messages, generate):
    return {"name": name, "template": text, "messages": messages, "generate": generate, **render(text, messages, generate)}


cases = [case(e, "{{ " + e + " }}", [system, user, assistant], True) for e in expressions]
cases += [case(name, text, talk, generate) for (name, text), talk, generate in itertools.product(templates.items(), talks, [False, True])
          if generate is False or "add_generation_prompt" in text]
cases += [case(text, text, [user], False) for text in broken]
wrong = [c["name"] for c in cases if ("error" in c) != (c["name"] in broken) and c["name"] in broken + expressions]
sys.exit(f"not as expected: {wrong}") if wrong else json.dump(cases, sys.stdout, ensure_ascii=True, indent=None, separators=(",", ":"))
