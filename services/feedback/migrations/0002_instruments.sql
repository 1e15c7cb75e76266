-- Scores of parts, texts, and what an organisation brings itself: wording, licence numbers, instruments of its own.
-- migrate:up

alter table scores add column scale text not null default 'total';
alter table scores drop constraint scores_pkey;
alter table scores add primary key (occasion_id, instrument, scale);

-- What people wrote in their own words. It never leaves this store.
create table texts (
    organisation_id uuid not null,
    occasion_id uuid not null references check_ins,
    instrument text not null,
    version int not null,
    item text not null,
    text text not null,
    primary key (occasion_id, instrument, item)
);
select machinery.protect('texts');

-- The words of an instrument whose wording is not ours, as they were loaded. The newest number of a language is
-- shown; earlier ones stay, because somebody has answered them.
create table wordings (
    organisation_id uuid not null,
    code text not null,
    version int not null,
    language text not null,
    number int not null,
    content jsonb not null,
    loaded_at timestamptz not null,
    loaded_by text not null,
    primary key (organisation_id, code, version, language, number)
);
select machinery.protect('wordings');

-- The number of the licence under which an organisation asks an instrument.
create table licence_numbers (
    organisation_id uuid not null,
    code text not null,
    number text not null,
    noted_at timestamptz not null,
    noted_by text not null,
    primary key (organisation_id, code)
);
select machinery.protect('licence_numbers');

-- Instruments that an organisation wrote itself. A version that was published never changes.
create table own_instruments (
    organisation_id uuid not null,
    code text not null,
    version int not null,
    definition jsonb not null,
    published_at timestamptz not null,
    published_by text not null,
    primary key (organisation_id, code, version)
);
select machinery.protect('own_instruments');
