namespace VaccineRef.Kernels;

/// <summary>Four words in registers: the fragment of A, or those of two neighbours of B.</summary>
internal struct TensorWords
{
    public uint X, Y, Z, W;
}

/// <summary>A lane's sums of a row of four pieces, each as <see cref="TensorFragment"/> orders them.</summary>
internal struct TensorRow
{
    public Quad<float> First, Second, Third, Fourth;
}

/// <summary>
/// What multiplies on behalf of a warp, which owns four by four pieces of C of 16 x 8 elements: 64 x 32. Their sums live
/// in the implementation, 64 to a lane. All lanes of the warp call together. A row of pieces takes the fragment of A that
/// they share and the fragments of B of its four pieces.
/// </summary>
internal interface ITensorCore
{
    /// <summary>Elements along k in a word.</summary>
    int PerWord { get; }

    /// <summary>Elements of one row or column, neighbours along k, rounded; of one to a word, the first.</summary>
    uint Word(float first, float second);

    /// <summary>Sets all sums to 0; once, before anything else.</summary>
    void Clear();

    /// <summary>Adds A B to the sums of the first row of pieces.</summary>
    void AddToRow0(TensorWords a, TensorWords left, TensorWords right);

    /// <summary>Adds A B to the sums of the second row of pieces.</summary>
    void AddToRow1(TensorWords a, TensorWords left, TensorWords right);

    /// <summary>Adds A B to the sums of the third row of pieces.</summary>
    void AddToRow2(TensorWords a, TensorWords left, TensorWords right);

    /// <summary>Adds A B to the sums of the fourth row of pieces.</summary>
    void AddToRow3(TensorWords a, TensorWords left, TensorWords right);

    /// <summary>The sums of a row of pieces.</summary>
    TensorRow Sums(int row);
}
