"""Whether a PDF may be handed to a viewer: ``gate`` finds the file, ``examiner`` has it judged in a limited process."""
