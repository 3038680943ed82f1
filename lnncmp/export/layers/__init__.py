"""The arithmetic of recurrent layers for the export formats: one file a kind of layer, each defining one `LAYER`."""
