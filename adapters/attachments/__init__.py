"""Small files beside a case: what they say in words, and what of them may leave the agency. Start at `preparing`.

    formats   which format it is, and what to do with each
    archive   the one way in which an archive is opened
    word, sheet, pdf, mail, plain, picture   one format each: `text_of` and `clean`, pure functions over bytes
    worker    the process in which all of that happens, with bounds on time and memory and without a network
    preparing what the sender asks: a file in, both forms out, or why not

Whatever the bytes, `text_of` and `clean` return or raise `AttachmentRefused`.
"""
