"""The other countries' search masks as forms: read once at start, labelled in the language of the professional.

Knows the folder of masks and the table of labels. Leaves reading a mask to ``xcpd.masks``, its rules to
``xcpd.mask_fields``, words for what is wrong with values to ``ncp.trait_checks``, and pictures that this country adds
to ``xcpd.help_pictures``. A mask that cannot be read is left out and named in the log; the others serve on.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from ncp.frontend.port import MaskField, MaskForm, MaskGroup, MaskImage, TraitProblem
from ncp.observability.log import logger
from ncp.trait_checks import ProblemTexts, check_traits
from ncp.wire.errors import Code, RequestError
from ncp.wire.ids import CountryCode
from xcpd.help_pictures import HelpPicture, HelpPicturesRefused, load_pictures
from xcpd.mask_fields import FieldGroup, SearchMask, Trait
from xcpd.masks import MaskRefused, read_mask

_LABEL = "label.ism."
_KINDS = {
    Trait.IDENTIFIER: "identifier",
    Trait.ACCESS_CODE: "identifier",
    Trait.FAMILY: "family",
    Trait.GIVEN: "given",
    Trait.BIRTH_DATE: "birthDate",
    Trait.GENDER: "gender",
    Trait.STREET: "street",
    Trait.POSTAL_CODE: "postalCode",
    Trait.CITY: "city",
    Trait.COUNTRY: "country",
}

_log = logger()


class SearchMasks:
    """Masks by country, with what is shown and said beside them; immutable."""

    def __init__(
        self,
        masks: Mapping[CountryCode, SearchMask],
        labels: Mapping[str, Mapping[str, str]],
        problems: ProblemTexts,
        pictures: Mapping[CountryCode, tuple[HelpPicture, ...]] | None = None,
    ) -> None:
        self._masks = dict(masks)
        self._labels = labels
        self._problems = problems
        self._pictures = dict(pictures or {})

    @classmethod
    def load(
        cls,
        folder: Path,
        countries: list[CountryCode],
        labels: Path,
        problems: Path,
        pictures: Path | None = None,
    ) -> SearchMasks:
        """Reads ``<folder>/<country>.xml`` of each country that has one, the labels, the texts for problems, and the
        help pictures of ``<pictures>/<country>/``."""
        masks: dict[CountryCode, SearchMask] = {}
        for country in countries:
            file = folder / f"{country}.xml"
            if not file.is_file():
                continue
            try:
                mask = read_mask(file.read_bytes(), country)
            except MaskRefused as refused:
                _log.error("mask.refused", country=country, reason=refused.reason)
                continue
            for warning in mask.warnings:
                _log.warning("mask.doubt", country=country, notes=warning)
            masks[country] = mask
        return cls(
            masks,
            tomllib.loads(labels.read_text("utf-8")),
            ProblemTexts.load(problems),
            {country: _pictures(pictures / country) for country in masks} if pictures is not None else {},
        )

    def get(self, country: CountryCode) -> SearchMask | None:
        return self._masks.get(country)

    def form(self, country: CountryCode, language: str) -> MaskForm:
        """The form to show. Raises ``RequestError`` (``mask.unknown``) for a country without a mask."""
        mask = self._known(country)
        places = dict(_places(mask.groups))
        required = mask.patient.required
        return MaskForm(
            country=country,
            scope=mask.scope,
            fields=tuple(
                MaskField(
                    id=field.key,
                    kind=_KINDS[field.trait],
                    label=field.label,
                    name=self._name(field.label, language),
                    domain=field.domain,
                    format=field.format.source,
                    description=field.description,
                    original_description=field.original_description,
                    mandatory=field.key in required,
                    group=places.get(field.key, ("", ""))[0],
                    alternative=places.get(field.key, ("", ""))[1],
                )
                for field in mask.fields
            ),
            groups=tuple(
                MaskGroup(
                    f"g{number}", group.choice, {str(place): each.display for place, each in enumerate(group.options)}
                )
                for number, group in enumerate(mask.groups)
            ),
            images=(
                *(
                    MaskImage(picture.media_type, picture.content, picture.name, picture.description)
                    for picture in mask.media
                ),
                *(
                    MaskImage(picture.media_type, picture.content, picture.name(language), picture.alt(language))
                    for picture in self._pictures.get(country, ())
                    if picture.shows & {field.key for field in mask.fields}
                ),
            ),
        )

    def check(
        self, country: CountryCode, values: Mapping[str, str], language: str, *, complete: bool, today: date
    ) -> tuple[TraitProblem, ...]:
        """What is wrong with ``values``, by field id. Raises ``RequestError`` (``mask.unknown``) as ``form`` does."""
        return check_traits(
            self._known(country),
            values,
            language=language,
            complete=complete,
            today=today,
            name=lambda field: self._name(field.label, language),
            texts=self._problems,
        )

    def _known(self, country: CountryCode) -> SearchMask:
        mask = self._masks.get(country)
        if mask is None:
            raise RequestError(Code.GENERIC, "mask.unknown", message="No search mask is known for this country.")
        return mask

    def _name(self, label: str, language: str) -> str:
        key = label.removeprefix(_LABEL)
        own = self._labels.get(language.split("-")[0].lower(), {})
        return own.get(key) or self._labels.get("en", {}).get(key) or key


def _pictures(folder: Path) -> tuple[HelpPicture, ...]:
    """Those of one country; a folder with a mistake is left out, for a search needs no picture."""
    try:
        return load_pictures(folder)
    except HelpPicturesRefused as refused:
        _log.error("mask.pictures_refused", country=folder.name, reason=refused.reason)
        return ()


def _places(groups: tuple[FieldGroup, ...]) -> list[tuple[str, tuple[str, str]]]:
    return [
        (key, (f"g{number}", str(place)))
        for number, group in enumerate(groups)
        for place, option in enumerate(group.options)
        for key in option.keys
    ]
