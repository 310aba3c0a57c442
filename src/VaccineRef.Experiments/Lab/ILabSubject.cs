using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Lab;

/// <summary>What a lab experiments on: the synthetic world, or a recipe's model and data.</summary>
internal interface ILabSubject
{
    /// <summary>How a cell's own stage is trained.</summary>
    TrainOptions Training(LabCell cell);

    /// <summary>Optimizer steps of that stage, as far as they are known without the data.</summary>
    int Steps(LabCell cell);

    /// <summary>What of the subject bears on a cell's own stage, and not on the cell that it begins with, as text.</summary>
    string Key(LabCell cell);

    /// <summary>The data of a seed.</summary>
    IReadOnlyList<LabData> Manifest(ulong seed);

    /// <summary>Everything that a cell is computed from.</summary>
    ILabMaterial Open(LabCell cell, Device device);
}

/// <summary>The model, the data and the questions of one cell.</summary>
internal interface ILabMaterial : IDisposable
{
    /// <summary>Whether the base is a model that is there already, and not pre-trained by the lab.</summary>
    bool GivesBase { get; }

    /// <summary>The model that the base cell begins with.</summary>
    Model<float> Base();

    /// <summary>What the base is pre-trained on; empty where it is given.</summary>
    IReadOnlyList<TokenSequence> Pretraining();

    /// <summary>The defender's data.</summary>
    IReadOnlyList<TokenSequence> Alignment();

    /// <summary>The user's data, and what a defense mixes in.</summary>
    IReadOnlyList<TokenSequence> Attack();

    /// <summary>The adapter of the alignment, or of the user's fine-tuning.</summary>
    AdapterConfig Adapter(bool attack);

    /// <summary>The name of the random stream that an alignment draws from.</summary>
    string AlignmentStream { get; }

    /// <summary>Questions without answers, for a picture of hidden embeddings.</summary>
    IReadOnlyList<int[]> Prompts(bool harmful);

    /// <summary>What is measured.</summary>
    ILabExam Exam { get; }
}

/// <summary>Measures a model on questions that no training has seen.</summary>
internal interface ILabExam
{
    /// <summary>Rows of the alignment data on which forgetting and drift are measured.</summary>
    IReadOnlyList<TokenSequence> Probe { get; }

    /// <summary>Everything.</summary>
    LabMeasurement Measure(Model<float> model, LabDrift? drift, double hiddenNorm);

    /// <summary>A point of the curve over the attack's steps.</summary>
    LabPoint Point(int step, Model<float> model, LabDrift drift);
}
