-- What a cell is about is kept in words, as what somebody is counted as: found by how it begins, and compared bytewise.
-- migrate:up

alter table cells no force row level security;
alter table cells add column fact text collate "C";
update cells set fact = array_to_string(kind || about, ' ');
alter table cells
    alter column fact set not null,
    drop constraint cells_pkey,
    drop column kind,
    drop column about,
    add primary key (program_id, label, fact, value, site_id);
alter table cells set (fillfactor = 70);  -- a number that moves stays on its page, and its index is left alone
alter table cells force row level security;
