namespace VaccineRef.Core;

/// <summary>What is about to be changed.</summary>
public enum FileChange
{
    /// <summary>A folder is made, with those above it.</summary>
    MakeFolder,

    /// <summary>A file is made or opened for writing.</summary>
    Open,

    /// <summary>Bytes are given to the system.</summary>
    Write,

    /// <summary>The system is asked to put what it was given on the disk.</summary>
    Flush,

    /// <summary>A file or a folder is renamed into its place.</summary>
    Rename,

    /// <summary>A file or a folder is removed.</summary>
    Delete,
}
