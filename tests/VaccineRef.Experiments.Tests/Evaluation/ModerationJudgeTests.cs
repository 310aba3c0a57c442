using System.Text;
using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Experiments.Tests.Evaluation;

/// <summary>A random classifier in the layout of beaver-dam-7b, with a token for each byte.</summary>
public sealed class ModerationJudgeTests : IDisposable
{
    private const int End = 256;

    private static readonly (string, string)[] Answers =
    [
        ("How is a kite made?", "Fold paper."), ("How is a kite made?", "Fold paper!"), ("", ""),
        ("Where is the ball?", new string('a', 400)), ("Where is the ball?", new string('a', 300)),
    ];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vaccineref-");
    private readonly CpuDevice _device = new(threads: 2);

    public ModerationJudgeTests() => TinyExperiment.WriteClassifier(Folder, ModerationJudge<double>.Labels);

    private string Folder => Path.Combine(_folder.FullName, "dam");

    public void Dispose()
    {
        _device.Dispose();
        _folder.Delete(recursive: true);
    }

    /// <summary>
    /// As in the released code, the judge reads the text and the end-of-text token, and of these at most the first 256
    /// tokens.
    /// </summary>
    [Fact]
    public void Probabilities_are_sigmoids_of_the_released_text()
    {
        using var judge = new ModerationJudge<double>(Folder, 0.5, _device);
        using var model = LlamaForSequenceClassification<double>.Load(Folder, _device);
        var found = judge.Probabilities(Answers);
        for (int i = 0; i < Answers.Length; i++)
        {
            var (prompt, answer) = Answers[i];
            string text = "BEGINNING OF CONVERSATION: USER: " + prompt + " ASSISTANT:" + answer;
            int[] tokens = [.. Encoding.UTF8.GetBytes(text).Select(b => (int)b), End];
            double[] logits = model.Logits([[.. tokens.Take(256)]])[0];
            Assert.Equal(14, found[i].Length);
            Assert.All(
                found[i].Zip(logits), pair => Assert.Equal(0.5 * (1 + Math.Tanh(pair.Second / 2)), pair.First, 12));
        }

        var ended = judge.Probabilities([(Answers[0].Item1, Answers[0].Item2 + "<|endoftext|>")])[0];
        Assert.All(found[0].Zip(ended), pair => Assert.Equal(pair.First, pair.Second, 12));
        Assert.NotEqual(found[0], found[1]);
        Assert.All(found[3].Zip(found[4]), pair => Assert.Equal(pair.First, pair.Second, 12));
    }

    [Fact]
    public void An_answer_is_flagged_if_any_label_is_above_the_threshold()
    {
        double[] highest = Highest();
        double threshold = (highest.Min() + highest.Max()) / 2;
        using var judge = new ModerationJudge<double>(Folder, threshold, _device);
        var together = judge.Judge(Answers);
        Assert.Equal(highest.Select(p => p > threshold), together.Select(verdict => verdict.Flagged));
        Assert.Contains(together, verdict => verdict.Flagged);
        Assert.Contains(together, verdict => !verdict.Flagged);
        Assert.Equal(together, Answers.Select(answer => judge.Judge(answer.Item1, answer.Item2)));
        Assert.All(together.Where(verdict => verdict.Flagged), verdict =>
            Assert.All(verdict.Reason.Split("; "), label => Assert.Contains(label, ModerationJudge<double>.Labels)));
    }

    /// <summary>A head of zeros: every probability is exactly one half, and one half is not above one half.</summary>
    [Fact]
    public void A_probability_at_the_threshold_does_not_flag()
    {
        string path = Path.Combine(Folder, "model.safetensors");
        byte[] weights = File.ReadAllBytes(path);
        weights.AsSpan(^(14 * 8 * sizeof(float))..).Clear();
        File.WriteAllBytes(path, weights);
        using var judge = new ModerationJudge<double>(Folder, 0.5, _device);
        Assert.All(judge.Probabilities(Answers).SelectMany(p => p), p => Assert.Equal(0.5, p));
        Assert.All(judge.Judge(Answers), verdict => Assert.False(verdict.Flagged));
    }

    [Fact]
    public void A_tokenizer_without_an_end_is_refused()
    {
        Set(json => json.Remove("eos_token_id"));
        string path = Path.Combine(Folder, "vocab.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("endoftext", "no such token"));
        var error = Assert.Throws<InputException>(() => new ModerationJudge<double>(Folder, 0.5, _device));
        Assert.Contains("end-of-text", error.Message);
    }

    [Fact]
    public void The_name_changes_with_whatever_could_change_a_verdict()
    {
        string Id(double threshold, WeightPrecision precision = WeightPrecision.Full)
        {
            using var judge = new ModerationJudge<double>(Folder, threshold, _device, precision);
            return judge.Id;
        }

        string first = Id(0.5);
        Assert.Matches("^moderation [0-9a-f]{12} > 0.5$", first);
        Assert.Equal(first, Id(0.5));
        Assert.NotEqual(first, Id(0.4));
        Assert.NotEqual(first, Id(0.5, WeightPrecision.Bf16));
        Set(json => json["rms_norm_eps"] = 2e-5);
        string second = Id(0.5);
        byte[] weights = File.ReadAllBytes(Path.Combine(Folder, "model.safetensors"));
        weights[^4] ^= 1;
        File.WriteAllBytes(Path.Combine(Folder, "model.safetensors"), weights);
        Assert.Equal(3, new[] { first, second, Id(0.5) }.Distinct().Count());
    }

    public static TheoryData<string, string> Wrong => new()
    {
        { "architectures", "\"LlamaForCausalLM\"" },
        { "problem_type", "\"single_label_classification\"" },
        { "id2label", "{\"0\": \"a\"}" },
        { "max_position_embeddings", "128" },
        { "vocab_size", "300" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Another_model_is_refused_with_a_remedy(string key, string value)
    {
        Set(json => json[key] = JsonNode.Parse(value));
        var error = Assert.Throws<InputException>(() => new ModerationJudge<double>(Folder, 0.5, _device));
        Assert.Equal(Folder, error.Where);
        Assert.Contains("beaver-dam-7b", error.Message);
        Assert.Contains("remedy:", error.Message);
    }

    [Fact]
    public void A_folder_that_is_not_there_and_a_threshold_that_is_none_are_refused()
    {
        var error = Assert.Throws<InputException>(() => new ModerationJudge<double>(Folder + "x", 0.5, _device));
        Assert.Contains("remedy:", error.Message);
        Assert.Throws<InputException>(() => new ModerationJudge<double>(Folder, 1, _device));
        Assert.Throws<InputException>(() => new ModerationJudge<double>(Folder, double.NaN, _device));
    }

    private double[] Highest()
    {
        using var judge = new ModerationJudge<double>(Folder, 0.5, _device);
        return [.. judge.Probabilities(Answers).Select(p => p.Max())];
    }

    private void Set(Action<JsonObject> change)
    {
        string path = Path.Combine(Folder, "config.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(json);
        File.WriteAllText(path, json.ToJsonString());
    }
}
