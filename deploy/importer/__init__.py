"""`kith import`: an organisation and its history from a folder, through the services' own doors."""

from deploy.importer.run import Show, Stopped, Summary, import_folder

__all__ = ["Show", "Stopped", "Summary", "import_folder"]
