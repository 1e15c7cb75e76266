-- A store that was restored from an older backup puts behind what it has said since, and says some of it again:
-- so the machinery's role writes to the outbox, too, and has to know which segment is written to.
-- migrate:up

grant select on machinery.outbox_writes to :machinery;
