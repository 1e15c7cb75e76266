-- Whose rows a statement sees is read once a statement: the setting was taken apart again for every row.
-- migrate:up

create or replace function machinery.protect(tenanted regclass) returns void
language plpgsql as $$
begin
    execute format('alter table %s enable row level security', tenanted);
    execute format('alter table %s force row level security', tenanted);
    execute format(
        'create policy tenants on %s using '
        '(organisation_id = any ((select current_setting(''kith.organisations'')::uuid[])::uuid[]))',
        tenanted);
    execute format('grant select, insert, update, delete on %s to :doors, :machinery', tenanted);
end $$;

do $$
declare
    protected regclass;
begin
    for protected in select polrelid from pg_policy where polname = 'tenants' loop
        execute format(
            'alter policy tenants on %s using '
            '(organisation_id = any ((select current_setting(''kith.organisations'')::uuid[])::uuid[]))',
            protected);
    end loop;
end $$;
