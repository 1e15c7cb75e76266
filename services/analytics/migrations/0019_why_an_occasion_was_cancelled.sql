-- Who withdraws while they are asked stays among those who were to be asked.
-- migrate:up

-- A copy of the view from before has no such column: begin a rebuild anew.
select machinery.drop_rebuild('facts');

-- Why, as the event says. Of what was cancelled before it is not known until the next `kith rebuild analytics facts`.
alter table occasions add column cancelled_for text;
