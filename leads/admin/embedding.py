"""The three ways to put a form on a website, as text to copy: a link, a frame, and plain HTML."""

from django.conf import settings
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from leads import hosting
from leads.forms import OpenForm
from leads.hosting import Control, Drawn, Given
from leads.models import Form

TRAP = (
    '  <p style="position:absolute;left:-9999px" aria-hidden="true">'
    '<input name="website_url" tabindex="-1" autocomplete="off"></p>'
)


def submissions_url(form: Form) -> str:
    return f"{settings.SITE_URL}/api/v1/forms/{form.slug}/submissions"


def hosted_url(form: Form) -> str:
    return f"{settings.SITE_URL}/forms/{form.slug}"


def script_url(name: str) -> str:
    """Of a file whose address stays, for other people's pages."""
    return f"{settings.SITE_URL}/{settings.STATIC_URL.strip('/')}/js/{name}"


def frame(form: Form) -> str:
    """The frame takes the height it needs; without its script it stays as high as it is written here."""
    return (
        f'<iframe data-lifecycle-frame src="{hosted_url(form)}?embed=1" title="{escape(form.title or form.name)}"\n'
        '  style="width: 100%; height: 560px; border: 0"></iframe>\n'
        f'<script src="{script_url("embed.js")}" async></script>'
    )


def plain(opened: OpenForm) -> str:
    """HTML that works on any page without a script: the answer is a redirect to the thank-you page."""
    drawn = hosting.draw(opened, Given(), action=submissions_url(opened.form), prefix=f"lc-{opened.form.slug}")
    lines = [f'<form action="{drawn.action}" method="post" data-lifecycle-form="{drawn.slug}">']
    lines += [_asked(control) for control in drawn.controls]
    lines += [f'  <input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in drawn.hidden]
    lines.append(TRAP)
    if drawn.consent and not drawn.has_consent_box:
        lines.append(f"  <p>{escape(drawn.consent)}</p>")
    lines += [f'  <button type="submit">{escape(drawn.button)}</button>', "</form>", *_scripts(drawn)]
    return "\n".join(lines)


def curl(form: Form) -> str:
    """A post to try it with."""
    return (
        f"curl {submissions_url(form)} \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        '  -d \'{"email": "ana@example.com", "first_name": "Ana", "company": "Example", "utm_source": "curl"}\''
    )


def copyable(text: str) -> SafeString:
    """A block of code with a button that copies it."""
    return format_html(
        '<div class="copyable"><button type="button" class="desk-button plain" data-copy="{0}">Copy</button>'
        '<pre class="code-block">{0}</pre></div>',
        text,
    )


def _asked(control: Control) -> str:
    question = control.question
    condition = f' data-show-if="{escape(control.condition)}"' if control.condition else ""
    place = f'data-question="{escape(question.name)}" data-type="{question.type}"{condition}'
    if control.is_group:
        kind = "radio" if control.kind == "radio" else "checkbox"
        choices = "".join(
            f'\n    <label><input type="{kind}" name="{escape(question.name)}" value="{escape(choice.value)}"'
            f"{' checked' if choice.is_chosen else ''}> {escape(choice.label)}</label>"
            for choice in control.choices
        )
        return f"  <fieldset {place}>\n    <legend>{escape(question.label)}</legend>{choices}\n  </fieldset>"
    return f"  <p {place}><label>{escape(question.label)} {_control(control)}</label></p>"


def _control(control: Control) -> str:
    extra = "".join(
        f' {name}="{escape(value)}"' if value else f" {name}"
        for name, value in control.attributes.items()
        if not name.startswith("aria-")
    )
    name = f'name="{escape(control.question.name)}"{extra}'
    match control.kind:
        case "textarea":
            return f"<textarea {name}>{escape(control.value)}</textarea>"
        case "select":
            chosen = {True: " selected", False: ""}
            options = "".join(
                f'<option value="{escape(each.value)}"{chosen[each.is_chosen]}>{escape(each.label)}</option>'
                for each in control.choices
            )
            return f'<select {name}><option value=""></option>{options}</select>'
        case "checkbox":
            return f'<input type="checkbox" value="true" {name}{" checked" if control.value else ""}>'
    value = f' value="{escape(control.value)}"' if control.value else ""
    return f"<input {name}{value}>"


def _scripts(drawn: Drawn) -> list[str]:
    """Only what hangs on answers needs them."""
    if not any(control.condition for control in drawn.controls):
        return []
    return [f'<script src="{script_url(name)}" defer></script>' for name in ("questions.js", "form.js")]
