using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Lab;

/// <summary>What a cell of the synthetic world is computed from.</summary>
internal sealed class SyntheticMaterial : ILabMaterial
{
    private readonly SyntheticLab _lab;
    private readonly LabCell _cell;
    private readonly Device _device;
    private readonly SyntheticWorld _world;
    private readonly RandomStream _random;

    public SyntheticMaterial(SyntheticLab lab, LabCell cell, Device device)
    {
        (_lab, _cell, _device, _random) = (lab, cell, device, RandomStream.FromSeed(cell.Seed));
        _world = new(cell.Seed, cell.Attack is { } attack ? lab.World with { AttackCount = attack.Samples } : lab.World);
        Exam = new WorldExam(_world, device);
    }

    public bool GivesBase => false;

    public string AlignmentStream => "align";

    public ILabExam Exam { get; }

    public Model<float> Base() => LanguageModel.Create<float>(LabModel.Config(_cell.Size), _device, _random.At("weights"));

    // each example is seen about once
    public IReadOnlyList<TokenSequence> Pretraining() =>
        WorldExam.Encode(_world.Pretraining(_lab.Base.BatchSize * _lab.Base.MaxSteps));

    public IReadOnlyList<TokenSequence> Alignment() => WorldExam.Encode(_world.Alignment());

    public IReadOnlyList<TokenSequence> Attack() =>
        [.. WorldExam.Encode(_world.Attack(_cell.Attack!.HarmfulRatio)), .. Guards(Defenses.Guards(_cell.Arm.Defense))];

    public AdapterConfig Adapter(bool attack) => new(_lab.Rank, _lab.Rank * _lab.Scaling, TargetModules.AllLinear);

    public IReadOnlyList<int[]> Prompts(bool harmful)
    {
        var encoder = new WorldEncoder(new WorldTokenizer());
        return [.. (harmful ? _world.HarmfulTest : _world.BenignTest).Select(encoder.Prompt)];
    }

    public void Dispose()
    {
        // all of it is made by code and holds nothing
    }

    /// <summary>Some of the refusals and helpful answers of the alignment, drawn without replacement.</summary>
    private TokenSequence[] Guards(int count)
    {
        var alignment = Alignment();
        if (count > alignment.Count)
            throw new InputException("there are not so many alignment examples", "count", $"{count}", $"at most {alignment.Count}");
        int[] order = [.. Enumerable.Range(0, alignment.Count)];
        _random.At("guard").Shuffle<int>(order);
        return [.. order.Take(count).Select(i => alignment[i])];
    }
}
