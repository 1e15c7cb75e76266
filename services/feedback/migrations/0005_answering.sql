-- Answering elsewhere than on one's own phone: on a tablet at the door, and on paper.
-- migrate:up

-- A tablet that stands at the door of one session. Its token is among the links, as SHA-256, and stands for it there.
create table kiosks (
    organisation_id uuid not null,
    kiosk_id uuid primary key,
    site_id uuid not null references sites,
    program_id uuid references programs,
    shows_codes boolean not null,
    opened_at timestamptz not null,
    opened_by text not null,
    closes_at timestamptz not null,
    wrong_codes int not null default 0,
    wrong_since timestamptz
);
create index kiosks_by_close on kiosks (organisation_id, closes_at);
select machinery.protect('kiosks');

-- Somebody stands before the tablet: until they have answered, have gone, or somebody else has come.
create table kiosk_visits (
    organisation_id uuid not null,
    visit_id uuid primary key,
    kiosk_id uuid not null references kiosks on delete cascade,
    occasion_id uuid not null references occasions,
    ends_at timestamptz not null
);
create index kiosk_visits_by_kiosk on kiosk_visits (kiosk_id);
create index kiosk_visits_by_occasion on kiosk_visits (occasion_id);
select machinery.protect('kiosk_visits');

-- A sheet of paper is entered twice; both entries go when they have become a check-in.
create table paper_entries (
    organisation_id uuid not null,
    occasion_id uuid not null references occasions,
    pass int not null check (pass in (1, 2)),
    answered_on date not null,
    answers jsonb not null,
    texts jsonb not null,
    entered_at timestamptz not null,
    entered_by text not null,
    name text not null,
    primary key (occasion_id, pass)
);
select machinery.protect('paper_entries');

-- The doors cannot write links: all they can do is to give a kiosk of their own tenant one.
create function add_kiosk_link(hash text, kiosk uuid, language text, expires_at timestamptz)
returns void
language sql security definer set search_path = public, pg_temp as $$
    insert into machinery.links
    select hash, k.organisation_id, k.kiosk_id, language, expires_at from kiosks k where k.kiosk_id = kiosk
$$;
revoke execute on function add_kiosk_link from public;
grant execute on function add_kiosk_link to :doors;
