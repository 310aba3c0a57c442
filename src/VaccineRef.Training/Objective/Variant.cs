namespace VaccineRef.Training;

/// <summary>Which of two forms of a method, where the released code does not compute what the paper describes.</summary>
public enum Variant
{
    /// <summary>As the paper describes it.</summary>
    Paper,

    /// <summary>As the released code computes it, but for its plain bugs.</summary>
    AsReleased,
}
