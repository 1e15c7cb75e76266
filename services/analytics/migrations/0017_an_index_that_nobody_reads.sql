-- Figures are read from the cells. This index was written with every score, and used by no statement.
-- migrate:up

drop index scores_by_cell;
