namespace VaccineRef.Verification.Conform;

/// <summary>What the passes of a case minimise; with a divergence, its teacher is the model at the start.</summary>
internal sealed class PassInputs
{
    private readonly CaseSettings _settings;
    private readonly Variation _variation;
    private readonly Dictionary<string, Values> _teachers = [];

    /// <summary>Takes the teacher's logits of every batch, where they are needed.</summary>
    /// <param name="case">The case.</param>
    /// <param name="variation">What is done otherwise.</param>
    /// <param name="model">The model at the start.</param>
    public PassInputs(LoadedCase @case, Variation variation, IReferenceModel model)
    {
        (_settings, _variation) = (@case.Settings, variation);
        if (_settings.KlLambda != 0)
            foreach (string name in _settings.Steps.SelectMany(step => step).Distinct())
                _teachers.Add(name, model.Run(Losses.Of(@case.Batch(name), variation)).Logits);
    }

    /// <summary>What both passes of a part minimise.</summary>
    public PassInput Of(StepPart part)
    {
        var input = Losses.Of(part.Batch, _variation);
        return _teachers.TryGetValue(part.Name, out var logits)
            ? input with { Divergence = new(logits, _settings.KlLambda, _variation.KlOverTime) }
            : input;
    }
}
