"""The table of names: how a photo and its mask are called and where they lie, and the options that pair them."""

import unicodedata
from dataclasses import dataclass, field


@dataclass
class NameKind:
    name: str
    photo: str
    """Path below the images folder without the extension; {} is the number of the sample."""
    mask: str
    options: list = field(default_factory=list)
    one_folder: bool = False
    upper: bool = False
    """Extensions in upper case."""
    junk: dict = field(default_factory=dict)
    """Files that devices leave, path -> bytes: none of them is a photo or a mask."""


def same(name: str, pattern: str, **rest) -> NameKind:
    return NameKind(name, pattern, pattern, **rest)


composed = unicodedata.normalize("NFC", "é ü ガ {}")
decomposed = unicodedata.normalize("NFD", composed)

kinds = [
    same("plain", "p{}"),
    same("spaces", " my photo {} "),
    NameKind("composed-decomposed", composed, decomposed),
    NameKind("decomposed-composed", decomposed, composed),
    same("brackets", "scan[{}]"),
    same("brackets-class", "[abc]{}"),
    same("braces", "a{{x,y}}{}"),
    same("parentheses", "photo ({})"),
    same("exclamation", "!photo{}"),
    same("leading-dash", "-photo{}"),
    same("hash", "a#b{}"),
    # What pages of a stack are called in ids: a file may be called so too.
    same("hash-number", "a#{}"),
    same("percent", "a%20b%{}"),
    same("quotes", "it's \"{}\""),
    same("dollar", "$HOME {}"),
    same("star", "a*{}"),
    same("question", "a?{}"),
    same("plus-at", "+(a)@{}"),
    same("backslash", "a\\b{}"),
    same("emoji", "🍎{}"),
    same("dots", "a.b.{}.v1"),
    same("double-extension", "a.png.{}"),
    same("upper-extension", "P{}", upper=True),
    same("nested", "town/x y/a_{}"),
    same("nested-per-photo", "case{}/frame"),
    same("long", "x" * 200 + "{}"),
    same("digits", "{}"),
    NameKind("mask-suffix", "car{}", "car{}_mask", ["--mask-suffix", "_mask"]),
    NameKind("photo-suffix", "car{}_sat", "car{}", ["--image-suffix", "_sat"]),
    NameKind("both-suffixes", "a/a_{}_leftImg8bit", "a/a_{}_gtFine_labelIds",
             ["--image-suffix", "_leftImg8bit", "--mask-suffix", "_gtFine_labelIds"]),
    NameKind("one-folder", "{}", "{}_mask", ["--mask-suffix", "_mask"], one_folder=True),
    NameKind("one-folder-both", "{}_sat", "{}_mask", ["--image-suffix", "_sat", "--mask-suffix", "_mask"], one_folder=True),
    same("devices", "p{}", junk={"@eaDir/p0.png/SYNOFILE_THUMB_M.png": b"x", "._p0.png": b"x", ".DS_Store": b"x",
                                 "Thumbs.db": b"x", "desktop.ini": b"x", "__MACOSX/._p0.png": b"x"}),
]
