"""What a portal needs and OpenNCP leaves each country to write: countries, search masks, assertions, notice, display.

Knows the types of our own namespace (all elements qualified) and what a portal may assert. ``listCountries``,
``getSearchMask``, ``checkTraits``, ``listNoticeLanguages`` and ``getPatientInformationNotice`` need no assertion: a
portal shows them before login.
"""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from ncp.frontend import documents, inputs
from ncp.frontend.binding import Binding, Conversation, model
from ncp.frontend.contracts import OWN
from ncp.frontend.port import (
    Call,
    ConsentRecord,
    CountryState,
    LoggedIn,
    Login,
    MaskForm,
    NcpB,
    PortalIdentity,
    Treatment,
    View,
)
from ncp.frontend.spyne_import import Boolean, ByteArray, ServiceBase, Unicode, rpc
from ncp.wire.errors import AccessError, Code
from ncp.wire.times import from_saml, to_saml
from saml_assertions.issue import Professional
from xca.facts import LOINC

PURPOSES = frozenset(("TREATMENT", "EMERGENCY"))
_TEXT_MAX = 1000
_PERMISSIONS_MAX = 100
_SITUATION_MAX = 64
ID_TOKEN_MAX = 16 * 1024
USER_INFO_MAX = 256 * 1024
"""Characters of an ID token and bytes of a user info; real ones have 2 KB and 20 KB."""
_TRAITS_MAX = 60
"""Most values checked at once: no mask has more fields."""


def own_operations(ncp_b: NcpB, *, default_language: str) -> Binding:
    """The operations of our own namespace."""
    types = _types()

    class FrontEnd(ServiceBase):  # type: ignore[misc]
        @rpc(_some(Unicode), _returns=_many(types.country), _out_variable_name="country")
        def listCountries(ctx: Any, language: str | None) -> list[Any]:  # noqa: N802, N805
            return [_country(types, each) for each in ncp_b.list_countries(inputs.language(language, default_language))]

        @rpc(_one(Unicode), _some(Unicode), _returns=_one(types.mask), _out_variable_name="searchMask")
        def getSearchMask(ctx: Any, country: str, language: str | None) -> Any:  # noqa: N802, N805
            mask = ncp_b.search_mask(inputs.country(country), inputs.language(language, default_language))
            return _mask(types, mask)

        @rpc(
            _one(Unicode),
            _some(Unicode),
            _one(Boolean),
            _many(types.trait, _TRAITS_MAX),
            _returns=_many(types.problem),
            _out_variable_name="problem",
        )
        def checkTraits(  # noqa: N802
            ctx: Any,  # noqa: N805
            country: str,
            language: str | None,
            complete: bool,
            value: list[Any] | None,
        ) -> list[Any]:
            problems = ncp_b.check_traits(
                inputs.country(country),
                _traits(value or []),
                inputs.language(language, default_language),
                complete=complete,
            )
            return [
                types.problem(id=each.id, kind=each.kind.value, message=each.message, example=each.example or None)
                for each in problems
            ]

        @rpc(
            _some(types.professional),
            _some(types.login),
            _returns=(_some(ByteArray), _some(Unicode), _some(Unicode), _many(types.situation), _some(Unicode)),
            _out_variable_names=("assertion", "name", "identifier", "situation", "chosen"),
        )
        def issueHcpAssertion(ctx: Any, professional: Any, login: Any) -> tuple[Any, ...]:  # noqa: N802, N805
            call: Call = ctx.udc.call
            if (professional is None) == (login is None):
                raise inputs.refused("request.professional", "Either the professional or the login is needed")
            if login is not None:
                permit_login(call.portal)
                return _logged_in(types, ncp_b.log_in(call, _login(login, default_language)))
            claims = _professional(professional)
            permit_issue(call.portal, claims)
            return [ncp_b.issue_hcp(call, claims)], None, None, None, None

        @rpc(_one(types.treatment), _returns=_one(ByteArray), _out_variable_name="assertion")
        def confirmTreatment(ctx: Any, treatment: Any) -> list[bytes]:  # noqa: N802, N805
            call = inputs.require_assertion(ctx.udc.call)
            return [ncp_b.confirm_treatment(call, _treatment(treatment))]

        @rpc(_one(Unicode), _some(Unicode), _returns=_one(types.notice), _out_variable_name="notice")
        def getPatientInformationNotice(ctx: Any, country: str, language: str | None) -> Any:  # noqa: N802, N805
            notice = ncp_b.notice(inputs.country(country), inputs.language(language, default_language))
            return types.notice(
                version=notice.version,
                language=notice.language,
                mediaType="application/pdf",
                content=[notice.content],
            )

        @rpc(_one(Unicode), _returns=_many(Unicode), _out_variable_name="language")
        def listNoticeLanguages(ctx: Any, country: str) -> list[str]:  # noqa: N802, N805
            return list(ncp_b.notice_languages(inputs.country(country)))

        @rpc(_one(types.rendering), _returns=_one(types.rendered), _out_variable_name="rendered")
        def renderDocument(ctx: Any, rendering: Any) -> Any:  # noqa: N802, N805
            conversation: Conversation = ctx.udc
            call = inputs.require_assertion(conversation.call)
            try:
                view = View(rendering.view)
            except ValueError:
                raise inputs.refused(
                    "request.view", f"The view must be one of {', '.join(one.value for one in View)}"
                ) from None
            language = inputs.language(rendering.language, default_language)
            content = b"".join(rendering.content) if rendering.content else _fetch(ncp_b, conversation, rendering, view)
            country = inputs.country(rendering.document.country) if rendering.document is not None else None
            rendered = ncp_b.render(call, content, language, view, country)
            conversation.warnings.extend(rendered.warnings)
            return types.rendered(mediaType=rendered.media_type, content=[rendered.content])

    return Binding(OWN, [FrontEnd])


def permit_issue(portal: PortalIdentity, professional: Professional) -> None:
    """Raises ``AccessError`` 4703 unless this portal may vouch for a professional of that role."""
    if not portal.may_issue_hcp:
        raise AccessError(Code.NOT_ALLOWED, "portal.issue", message="This portal may not ask for HCP assertions")
    if portal.logins_only:
        raise AccessError(Code.NOT_ALLOWED, "portal.logins_only", message="This portal must hand in the ID token")
    if portal.roles and professional.role not in portal.roles:
        raise AccessError(Code.NOT_ALLOWED, "portal.role", message="This portal may not vouch for this role")


def permit_login(portal: PortalIdentity) -> None:
    """Raises ``AccessError`` 4703 unless this portal may have HCP assertions issued at all."""
    if not portal.may_issue_hcp:
        raise AccessError(Code.NOT_ALLOWED, "portal.issue", message="This portal may not ask for HCP assertions")


def _fetch(ncp_b: NcpB, conversation: Conversation, rendering: Any, view: View) -> bytes:
    """The document by its ids, when the portal did not hand in the one it has already."""
    if rendering.document is None:
        raise inputs.refused("request.document_id", "Either the document's ids or its content is needed")
    wanted = rendering.document
    fetched = ncp_b.retrieve_document(
        conversation.call,
        inputs.country(wanted.country),
        inputs.document_request(wanted.homeCommunityId, wanted.repositoryUniqueId, wanted.documentUniqueId),
        documents.class_code_of(wanted.classCode or "", LOINC),
        inputs.language(rendering.language) if view not in (View.ORIGINAL, View.PDF) else "",
    )
    conversation.warnings.extend(fetched.warnings)
    conversation.translation = fetched.translation
    return fetched.content


def _professional(given: Any) -> Professional:
    values = {
        "identifier": given.identifier,
        "name": given.name,
        "role": given.role,
        "facility_type": given.facilityType,
        "locality": given.locality,
        "authentication_class": given.authenticationClass,
    }
    optional = {
        "identifier_format": given.identifierFormat,
        "organisation": given.organisation,
        "organisation_id": given.organisationId,
        "npi": given.npi,
        "purpose": given.purpose,
    }
    values |= {key: value for key, value in optional.items() if value}
    values = {key: (value or "").strip() for key, value in values.items()}
    permissions = frozenset(permission.strip() for permission in given.permission or ())
    if not all(values.values()) or any(len(text) > _TEXT_MAX for text in (*values.values(), *permissions)):
        raise inputs.refused("request.professional", "An attribute of the professional is empty or too long")
    if values.get("purpose", "TREATMENT") not in PURPOSES:
        raise inputs.refused("request.purpose", "The purpose must be TREATMENT or EMERGENCY")
    return Professional(
        **values,
        authenticated=_instant(given.authenticated),
        permissions=permissions,
    )


def _login(given: Any, default_language: str) -> Login:
    token = (given.idToken or "").strip()
    user_info = b"".join(given.userInfo or ())
    purpose = (given.purpose or "").strip() or "TREATMENT"
    situation = (given.situation or "").strip()
    if not token or len(token) > ID_TOKEN_MAX or len(user_info) > USER_INFO_MAX or len(situation) > _SITUATION_MAX:
        raise inputs.refused("request.login", "A part of the login is empty or too long")
    if purpose not in PURPOSES:
        raise inputs.refused("request.purpose", "The purpose must be TREATMENT or EMERGENCY")
    language = inputs.language(given.language, default_language)
    return Login(id_token=token, user_info=user_info, situation=situation, purpose=purpose, language=language)


def _logged_in(types: SimpleNamespace, who: LoggedIn) -> tuple[Any, ...]:
    situations = [
        types.situation(id=each.id, profession=each.profession, place=each.place, address=each.address)
        for each in who.places
    ]
    return [who.assertion] if who.assertion else None, who.name, who.identifier, situations, who.chosen or None


def _traits(given: list[Any]) -> dict[str, str]:
    """Values by field id. How long a value may be is for the mask to say; ids are keys of a mask."""
    if len(given) > _TRAITS_MAX:
        raise inputs.refused("request.traits", "There are more values than a search mask has fields")
    values: dict[str, str] = {}
    for each in given:
        key = (each.id or "").strip()
        if not key or len(key) > _TEXT_MAX or key in values:
            raise inputs.refused("request.traits", "Each value needs the id of a field, and each field at most one")
        values[key] = each.text or ""
    return values


def _treatment(given: Any) -> Treatment:
    purpose = (given.purpose or "").strip()
    if purpose not in PURPOSES:
        raise inputs.refused("request.purpose", "The purpose must be TREATMENT or EMERGENCY")
    consent = None
    if given.consent is not None:
        consent = ConsentRecord(
            notice_version=_bounded(given.consent.noticeVersion),
            language=inputs.language(given.consent.language),
            given_at=_instant(given.consent.givenAt),
        )
    if consent is None and purpose == "TREATMENT":
        # In an emergency the patient may be unable to consent; in any other case nothing is asked for without it.
        raise AccessError(Code.NO_CONSENT, "consent.record", message="The patient's consent was not recorded")
    return Treatment(
        patient=inputs.identifier(given.patientId.root, given.patientId.extension),
        purpose=purpose,
        country=inputs.country(given.country),
        consent=consent,
        prescription_id=_bounded(given.prescriptionId),
        dispensation_pin=_bounded(given.dispensationPin),
    )


def _bounded(text: str | None) -> str:
    value = (text or "").strip()
    if len(value) > _TEXT_MAX:
        raise inputs.refused("request.too_long", "A value is too long")
    return value


def _instant(text: str | None) -> datetime:
    try:
        return from_saml(text or "").astimezone(UTC)
    except ValueError:
        raise inputs.refused("request.time", "A time must be an xs:dateTime with a time zone") from None


def _country(types: SimpleNamespace, state: CountryState) -> Any:
    return types.country(
        code=state.code,
        name=state.name,
        service=list(state.services) or None,
        live=state.live,
        state=state.state.value,
        since=to_saml(state.since) if state.since else None,
    )


def _mask(types: SimpleNamespace, mask: MaskForm) -> Any:
    return types.mask(
        country=mask.country,
        scope=mask.scope,
        field=[
            types.field(
                id=each.id,
                kind=each.kind,
                domain=each.domain or None,
                label=each.label,
                name=each.name,
                format=each.format or None,
                description=each.description or None,
                originalDescription=each.original_description or None,
                mandatory=each.mandatory,
                group=each.group or None,
                alternative=each.alternative or None,
            )
            for each in mask.fields
        ],
        group=[
            types.group(
                id=each.id,
                choice=each.choice,
                alternative=[types.alternative(id=key, name=name) for key, name in each.alternatives.items()] or None,
            )
            for each in mask.groups
        ]
        or None,
        image=[
            types.image(
                mediaType=each.media_type,
                name=each.name or None,
                description=each.description or None,
                content=[each.content],
            )
            for each in mask.images
        ]
        or None,
    )


def _one(kind: Any) -> Any:
    return kind.customize(min_occurs=1, nillable=False)


def _some(kind: Any) -> Any:
    return kind.customize(min_occurs=0, nillable=False)


def _many(kind: Any, most: Any = "unbounded") -> Any:
    return kind.customize(min_occurs=0, max_occurs=most, nillable=False)


def _types() -> SimpleNamespace:
    """The types of our namespace. Times are xs:dateTime texts with a zone."""

    def made(type_name: str, /, **members: Any) -> Any:
        return model(OWN.namespace, type_name, list(members.items()))

    must, may = _one(Unicode), _some(Unicode)
    flag = _one(Boolean)
    patient_id = made("patientId", root=must, extension=must)
    document = made(
        "document", country=must, homeCommunityId=must, repositoryUniqueId=must, documentUniqueId=must, classCode=must
    )
    consent = made("consent", noticeVersion=must, language=must, givenAt=must)
    alternative = made("alternative", id=must, name=must)
    group = made("group", id=must, choice=flag, alternative=_many(alternative))
    image = made("image", mediaType=must, name=may, description=may, content=_one(ByteArray))
    field = made(
        "field",
        id=must,
        kind=must,
        domain=may,
        label=must,
        name=must,
        format=may,
        description=may,
        originalDescription=may,
        mandatory=flag,
        group=may,
        alternative=may,
    )
    return SimpleNamespace(
        country=made("country", code=must, name=must, service=_many(Unicode), live=flag, state=must, since=may),
        alternative=alternative,
        group=group,
        image=image,
        field=field,
        mask=made("searchMask", country=must, scope=must, field=_many(field), group=_many(group), image=_many(image)),
        trait=made("trait", id=must, text=must),
        problem=made("traitProblem", id=must, kind=must, message=must, example=may),
        professional=made(
            "professional",
            identifier=must,
            identifierFormat=may,
            name=must,
            role=must,
            facilityType=must,
            locality=must,
            organisation=may,
            organisationId=may,
            npi=may,
            purpose=may,
            permission=_many(Unicode, _PERMISSIONS_MAX),
            authenticationClass=must,
            authenticated=must,
        ),
        login=made("login", idToken=must, userInfo=_one(ByteArray), situation=may, purpose=may, language=may),
        situation=made("situation", id=must, profession=must, place=must, address=must),
        treatment=made(
            "treatment",
            country=must,
            patientId=_one(patient_id),
            purpose=must,
            consent=_some(consent),
            prescriptionId=may,
            dispensationPin=may,
        ),
        notice=made("notice", version=must, language=must, mediaType=must, content=_one(ByteArray)),
        rendering=made("rendering", view=must, language=may, document=_some(document), content=_some(ByteArray)),
        rendered=made("rendered", mediaType=must, content=_one(ByteArray)),
    )
