"""From what a marketer wrote to what a person receives: compiled once at publish, filled in per message."""

from campaigns.rendering.compiling import compile_template
from campaigns.rendering.filling import LinkSlots, Rendered, RenderError, render
from campaigns.rendering.model import CompiledTemplate, Problem, TemplateProblems, TemplateSource
from campaigns.rendering.variables import register_root

__all__ = [
    "CompiledTemplate",
    "LinkSlots",
    "Problem",
    "RenderError",
    "Rendered",
    "TemplateProblems",
    "TemplateSource",
    "compile_template",
    "register_root",
    "render",
]
