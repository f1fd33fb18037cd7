"""How often the redactor errs: narratives written for this project, forms written into court cases, and the counting.

It talks to the redactor as anybody would, by `safeconduct redact --batch`, and knows nothing of how it works: who
mends the redactor for one of these texts would mend a figure, not the redactor.
"""
