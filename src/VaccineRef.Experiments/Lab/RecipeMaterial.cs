using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Runs;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Lab;

/// <summary>What a cell of a recipe is computed from: what <c>vaccine run</c> computes its recipe from.</summary>
internal sealed class RecipeMaterial : ILabMaterial
{
    private readonly RecipeLab _lab;
    private readonly Recipe _recipe;
    private readonly Device _device;
    private readonly ITextTokenizer _tokenizer;
    private readonly ExperimentData _data;
    private readonly IJudge _judge;

    public RecipeMaterial(RecipeLab lab, LabCell cell, Device device)
    {
        (_lab, _recipe, _device) = (lab, lab.Of(cell), device);
        _tokenizer = RecipeLab.Tokenizer(_recipe, lab.Folder);
        _data = new(_recipe, lab.Folder, _tokenizer);
        _judge = Judges.Open<float>(_recipe.Evaluation, lab.Folder, device, _recipe.Weights);
        Exam = new RecipeExam(_recipe, _data, _tokenizer, _judge, device);
    }

    public bool GivesBase => true;

    public string AlignmentStream => "alignment";

    public ILabExam Exam { get; }

    public Model<float> Base() => BaseModel.Load<float>(_recipe, _lab.Folder, _device);

    public IReadOnlyList<TokenSequence> Pretraining() => [];

    public IReadOnlyList<TokenSequence> Alignment() => _data.Alignment;

    public IReadOnlyList<TokenSequence> Attack() => _data.Attack;

    public AdapterConfig Adapter(bool attack) => (attack ? _recipe.Attack!.Lora : _recipe.Alignment!.Lora!).Config();

    public IReadOnlyList<int[]> Prompts(bool harmful) =>
        [.. (harmful ? _data.HarmfulTest : _data.TaskTest).Select(row => _tokenizer.Encode(_data.Template.Render(row)))];

    public void Dispose() => (_judge as IDisposable)?.Dispose();
}
