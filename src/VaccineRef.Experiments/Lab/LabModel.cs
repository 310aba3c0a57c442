using System.Text;
using VaccineRef.Experiments.World;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Lab;

/// <summary>The lab's model: a Llama over the world's words.</summary>
public static class LabModel
{
    /// <summary>The most tokens of a text; the longest has about 28.</summary>
    private const int Context = 64;

    /// <summary>Its config.json. The spread of the first weights is that of a model this small, not of a large one.</summary>
    public static ConfigReader Config(LabSize size) => ConfigReader.Parse(Encoding.UTF8.GetBytes(
        $$"""
        {
          "model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": {{new WorldTokenizer().VocabularySize}},
          "hidden_size": {{size.Hidden}}, "intermediate_size": {{size.Hidden * 11 / 4}}, "num_hidden_layers": {{size.Layers}},
          "num_attention_heads": {{size.Heads}}, "max_position_embeddings": {{Context}}, "rms_norm_eps": 1e-5,
          "tie_word_embeddings": true, "initializer_range": 0.1
        }
        """), "config.json");
}
